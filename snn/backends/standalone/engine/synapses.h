// Synapses by presynaptic and by postsynaptic neuron, as the step functions go through them.
#pragma once
#include "files.h"

namespace snn {

struct SynapseEntry {
    const char* name;
    int64_t* size;
    const int64_t *n_pre, *n_post;
    int32_t **pre, **post;
    Connectivity* connectivity;
};

// Where the entries of each neuron begin, if they are sorted by neuron.
static int64_t* beginnings(const int32_t* neurons, int64_t n, int64_t n_neurons) {
    int64_t* const begin = zeros<int64_t>(n_neurons + 1);
    for (int64_t k = 0; k < n; k++) begin[neurons[k] + 1]++;
    for (int64_t i = 0; i < n_neurons; i++) begin[i + 1] += begin[i];
    return begin;
}

static void prepare(const SynapseEntry& entry) {
    const int32_t *pre = *entry.pre, *post = *entry.post;
    const int64_t n = *entry.size, n_pre = *entry.n_pre, n_post = *entry.n_post;
    for (int64_t k = 0; k < n; k++) {
        if (pre[k] < 0 || pre[k] >= n_pre || post[k] < 0 || post[k] >= n_post)
            fail("synapse index out of range in %s", entry.name);
        if (k && (pre[k] < pre[k - 1] || (pre[k] == pre[k - 1] && post[k] <= post[k - 1])))
            fail("synapses are not sorted, or not all different, in %s", entry.name);
    }
    const int64_t *row = beginnings(pre, n, n_pre), *column = beginnings(post, n, n_post);

    int64_t *next = zeros<int64_t>(n_post), *by_post = zeros<int64_t>(n);
    int32_t* pre_by_post = zeros<int32_t>(n);
    std::memcpy(next, column, n_post * sizeof(int64_t));
    for (int64_t k = 0; k < n; k++) {
        pre_by_post[next[post[k]]] = pre[k];
        by_post[next[post[k]]++] = k;
    }
    std::free(next);

    List<Segment> segments;
    int64_t* row_segments = zeros<int64_t>(n_pre + 1);
    for (int64_t i = 0; i < n_pre; i++) {
        for (int64_t k = row[i]; k < row[i + 1];) {
            int64_t end = k + 1;
            while (end < row[i + 1] && post[end] == post[end - 1] + 1) end++;
            segments.add({k, end, int32_t(i), k - post[k]});
            k = end;
        }
        row_segments[i + 1] = segments.size;
    }

    bool hollow = n_pre == n_post && n_pre > 1 && n == n_pre * (n_pre - 1);
    for (int64_t k = 0; hollow && k < n; k++) hollow = pre[k] != post[k];
    Connectivity& c = *entry.connectivity;
    c.row = row;
    c.column = column;
    c.by_post = by_post;
    c.pre_by_post = pre_by_post;
    c.segments = segments.data;
    c.row_segments = row_segments;
    c.segmented = n >= 8 * segments.size;
    c.narrow = n < 4 * n_pre;
    c.dense = n == n_pre * n_post;
    c.hollow = hollow;
    c.width = hollow ? n_post - 1 : n_post;
}

}  // namespace snn
