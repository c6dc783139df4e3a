{# The synapses of neurons that had an event. Delays are events of their own (snn/backends/groups.py), so there is no
   queue: the event's neurons are read from where the spike test wrote them. #}
{% extends 'common_group.cpp' %}
{% from 'synapse_loops.cpp' import at_once, segment_indices %}
{% block maincode %}
    {# USES_VARIABLES { _synaptic_pre } #}
    const int64_t _vectorisation_idx = -1; (void)_vectorisation_idx;
    {{scalar_code|autoindent}}
    const int32_t* const _events = {{event_space}};
    const int64_t _num_events = _events[size_{{event_group}}];
    for (int64_t _event = 0; _event < _num_events; _event++)
    {
        const int64_t _neuron = _events[_event];
        {% if side == 'pre' %}
        if (connectivity_{{synaptic_block}}.segmented)
        {
            for (int64_t _s = connectivity_{{synaptic_block}}.row_segments[_neuron];
                 _s < connectivity_{{synaptic_block}}.row_segments[_neuron + 1]; _s++)
            {
                const snn::Segment& _segment = connectivity_{{synaptic_block}}.segments[_s];
{{ segment_indices(pre_array, post_array) }}
                {{ at_once(independent) }}
                for (int64_t _idx = _segment.begin; _idx < _segment.end; _idx++)
                {
                    const int64_t _vectorisation_idx = _idx; (void)_vectorisation_idx;
                    {{vector_code|autoindent}}
                }
            }
        }
        else
        {
            for (int64_t _idx = connectivity_{{synaptic_block}}.row[_neuron];
                 _idx < connectivity_{{synaptic_block}}.row[_neuron + 1]; _idx++)
            {
                const int64_t _vectorisation_idx = _idx; (void)_vectorisation_idx;
                {{vector_code|autoindent}}
            }
        }
        {% else %}
        for (int64_t _k = connectivity_{{synaptic_block}}.column[_neuron];
             _k < connectivity_{{synaptic_block}}.column[_neuron + 1]; _k++)
        {
            const int64_t _idx = connectivity_{{synaptic_block}}.by_post[_k];
            const int64_t _vectorisation_idx = _idx; (void)_vectorisation_idx;
            {{vector_code|autoindent}}
        }
        {% endif %}
    }
{% endblock %}
