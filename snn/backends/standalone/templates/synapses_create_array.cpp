{# Synapses are arguments of the program, not part of it. Brian2's device wants to know these all the same: #}
{# USES_VARIABLES { _synaptic_pre, _synaptic_post, sources, targets, N_incoming, N_outgoing, N, N_pre, N_post,
                    _source_offset, _target_offset } #}
{# WRITES_TO_READ_ONLY_VARIABLES { _synaptic_pre, _synaptic_post, N_incoming, N_outgoing, N } #}
{% extends 'common_group.cpp' %}
