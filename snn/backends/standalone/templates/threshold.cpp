{# USES_VARIABLES { N } #}
{# First every neuron's condition, in a vector loop, then those that meet it: few, as a rule. #}
{% extends 'common_group.cpp' %}
{% from 'synapse_loops.cpp' import at_once %}
{% block maincode %}
    {% set _eventspace = get_array_name(eventspace_variable) %}
    const int64_t _vectorisation_idx = -1; (void)_vectorisation_idx;
    {{scalar_code|autoindent}}
    char* const __restrict _conditions = snn::conditions;
    const int64_t _N = {{constant_or_scalar('N', variables['N'])}};
    {{ at_once(true) }}
    for (int64_t _idx = 0; _idx < _N; _idx++)
    {
        const int64_t _vectorisation_idx = _idx; (void)_vectorisation_idx;
        {{vector_code|autoindent}}
        _conditions[_idx] = _cond;
    }
    {{_eventspace}}[_N] = snn::collect(_conditions, _N, {{_eventspace}});
    {% if _uses_refractory %}
    for (int32_t _k = 0; _k < {{_eventspace}}[_N]; _k++)
    {
        {{not_refractory}}[{{_eventspace}}[_k]] = false;
        {{lastspike}}[{{_eventspace}}[_k]] = {{t}};
    }
    {% endif %}
{% endblock %}
