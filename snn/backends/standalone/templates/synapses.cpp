{# The synapses of neurons that had an event. Delays are events of their own (snn/lowering/populations/spikes.py), so
   there is no queue: the event's neurons are read from where the spike test wrote them. #}
{% extends 'common_group.cpp' %}
{% from 'synapse_loops.cpp' import column, rows %}
{% block maincode %}
    {# USES_VARIABLES { _synaptic_pre } #}
    const int64_t _vectorisation_idx = -1; (void)_vectorisation_idx;
    const int32_t* const _events = {{event_space}};
    const int64_t _num_events = _events[size_{{event_group}}];
    if (!_num_events) return;
    {{scalar_code|autoindent}}
    for (int64_t _event = 0; _event < _num_events; _event++)
    {
        const int64_t _neuron = _events[_event];
        {% if side == 'pre' %}
        {% call rows(synaptic_block, pre_array, post_array, independent, "_neuron", "_neuron + 1") %}
        {{vector_code|autoindent}}
        {% endcall %}
        {% else %}
        {% call column(synaptic_block, pre_array, post_array, "_neuron") %}
        {{vector_code|autoindent}}
        {% endcall %}
        {% endif %}
    }
{% endblock %}
