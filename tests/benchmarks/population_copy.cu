// What a large copy from device memory to device memory moves: bytes read and written, a second.
#include <cstdio>
#include <cstdlib>

static void check(cudaError_t error)
{
    if (error != cudaSuccess) {
        fprintf(stderr, "%s\n", cudaGetErrorString(error));
        exit(1);
    }
}

int main()
{
    const size_t size = size_t(2) << 30;
    const int warm = 3, times = 20;
    char *from, *to;
    float milliseconds;
    cudaDeviceProp device;
    cudaEvent_t begin, end;
    check(cudaGetDeviceProperties(&device, 0));
    check(cudaMalloc(&from, size));
    check(cudaMalloc(&to, size));
    check(cudaMemset(from, 1, size));
    check(cudaEventCreate(&begin));
    check(cudaEventCreate(&end));
    for (int i = -warm; i < times; i++) {
        if (i == 0) check(cudaEventRecord(begin));
        check(cudaMemcpyAsync(to, from, size, cudaMemcpyDeviceToDevice));
    }
    check(cudaEventRecord(end));
    check(cudaEventSynchronize(end));
    check(cudaEventElapsedTime(&milliseconds, begin, end));
    printf("{\"device\": \"%s\", \"bytes_per_second\": %.6g}\n", device.name, 2.0 * size * times / (1e-3 * milliseconds));
}
