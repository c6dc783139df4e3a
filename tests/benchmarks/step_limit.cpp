// The limit of ``eprop_step``: the whole step by hand, as step.py and step_limit.py describe it.
// Arguments: n, samples, a file of spikes (bytes), then of numbers: targets, w_in, w_rec, w_out; the file for the weights.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

typedef REAL real;

template <typename T> static T* zeros(size_t n) {
    const size_t bytes = (n * sizeof(T) / 64 + 2) * 64;
    return static_cast<T*>(std::memset(std::aligned_alloc(64, bytes), 0, bytes));
}

// ebar = kappa ebar + (1 - kappa) psi x and g += L ebar, for every synapse of a matrix
static void learn(long n, real kappa, const real* __restrict x, const real* __restrict psi, const real* __restrict signal,
                  real* __restrict ebar, real* __restrict g) {
    const real rest = 1 - kappa;
    for (long i = 0; i < n; i++) {
        real *__restrict e_row = ebar + i * n, *__restrict g_row = g + i * n;
        const real x_i = x[i];
        for (long j = 0; j < n; j++) {
            const real e = kappa * e_row[j] + rest * (psi[j] * x_i);
            e_row[j] = e;
            g_row[j] += signal[j] * e;
        }
    }
}

static void descend(long n, real lr, real* __restrict w, real* __restrict g) {
    for (long k = 0; k < n; k++) {
        w[k] -= lr * g[k];
        g[k] = 0;
    }
}

// Apart from the loop over spikes, which compilers would else interchange with this one, and gather from memory.
__attribute__((noinline)) static void add(const real* __restrict row, long n, real* __restrict input) {
    for (long j = 0; j < n; j++) input[j] += row[j];
}

static void deliver(const std::vector<int>& spikes, const real* w, long n, real* input) {
    for (int i : spikes) add(w + i * n, n, input);
}

int main(int, char** arguments) {
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);  // flush to zero, as everywhere
    const long n = std::atol(arguments[1]), samples = std::atol(arguments[2]), steps = STEPS, total = samples * steps;
    std::vector<unsigned char> spikes(total * n);
    std::vector<real> target(total);
    real *w_in = zeros<real>(n * n), *w_rec = zeros<real>(n * n), *w_out = zeros<real>(n);
    FILE* file = std::fopen(arguments[3], "rb");
    if (!file || std::fread(spikes.data(), 1, spikes.size(), file) != spikes.size()) return 1;
    std::fclose(file);
    file = std::fopen(arguments[4], "rb");
    if (!file || std::fread(target.data(), sizeof(real), total, file) != size_t(total)) return 1;
    for (auto [w, count] : {std::pair{w_in, n * n}, std::pair{w_rec, n * n}, std::pair{w_out, n}})
        if (std::fread(w, sizeof(real), count, file) != size_t(count)) return 1;
    std::fclose(file);

    real *__restrict e_in = zeros<real>(n * n), *__restrict e_rec = zeros<real>(n * n);
    real *__restrict g_in = zeros<real>(n * n), *__restrict g_rec = zeros<real>(n * n), *__restrict g_out = zeros<real>(n);
    real *__restrict v = zeros<real>(n), *__restrict input = zeros<real>(n), *__restrict psi = zeros<real>(n);
    real *__restrict signal = zeros<real>(n), *__restrict x_in = zeros<real>(n), *__restrict x_rec = zeros<real>(n);
    real* __restrict z_filtered = zeros<real>(n);
    std::vector<int> arriving, before, now;
    const real alpha = std::exp(-DT / TAU_M), kappa = std::exp(-DT / TAU_OUT), v_th = V_TH, lr = LR, height = HEIGHT;
    real y = 0;
    for (long t = 0; t < total; t++) {
        arriving.clear();
        for (long i = 0; i < n; i++)
            if (spikes[t * n + i]) arriving.push_back(int(i));
        std::memset(input, 0, n * sizeof(real));
        deliver(before, w_rec, n, input);
        deliver(arriving, w_in, n, input);
        for (int j : before) v[j] -= v_th / alpha;
        for (long j = 0; j < n; j++) {
            v[j] = alpha * v[j] + input[j];
            const real distance = 1 - std::fabs(v[j] - v_th) / v_th;
            psi[j] = height / v_th * (distance > 0 ? distance : 0);
        }
        now.clear();
        for (long j = 0; j < n; j++)
            if (v[j] >= v_th) now.push_back(int(j));
        real onto_readout = 0;
        for (int j : now) onto_readout += w_out[j];
        y = kappa * y + (1 - kappa) * onto_readout;
        const real error = y - target[t];
        for (long j = 0; j < n; j++) {
            signal[j] = w_out[j] * error;
            x_in[j] *= alpha;
            x_rec[j] *= alpha;
            z_filtered[j] *= kappa;
        }
        for (int i : arriving) x_in[i] += 1;
        for (int i : before) x_rec[i] += 1;
        for (int j : now) z_filtered[j] += 1 - kappa;
        learn(n, kappa, x_in, psi, signal, e_in, g_in);
        learn(n, kappa, x_rec, psi, signal, e_rec, g_rec);
        for (long j = 0; j < n; j++) g_out[j] += error * z_filtered[j];
        if ((t + 1) % steps == 0) {
            descend(n * n, lr, w_in, g_in);
            descend(n * n, lr, w_rec, g_rec);
            descend(n, lr, w_out, g_out);
        }
        std::swap(before, now);
    }
    file = std::fopen(arguments[5], "wb");
    for (auto [w, count] : {std::pair{w_in, n * n}, std::pair{w_rec, n * n}, std::pair{w_out, n}})
        std::fwrite(w, sizeof(real), count, file);
    return std::fclose(file) != 0;
}
