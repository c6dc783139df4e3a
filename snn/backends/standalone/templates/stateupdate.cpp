{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}
{% from 'synapse_loops.cpp' import all_synapses, at_once %}
{% block maincode %}
    const int64_t _vectorisation_idx = -1; (void)_vectorisation_idx;
    {{scalar_code|autoindent}}
    {% if synaptic_block %}
    {% call all_synapses(synaptic_block, pre_array, post_array, source_group, independent, narrow, hollow) %}
    {{vector_code|autoindent}}
    {% endcall %}
    {% else %}
    const int64_t _N = {{constant_or_scalar('N', variables['N'])}};
    {{ at_once(independent) }}
    for (int64_t _idx = 0; _idx < _N; _idx++)
    {
        const int64_t _vectorisation_idx = _idx; (void)_vectorisation_idx;
        {{vector_code|autoindent}}
    }
    {% endif %}
{% endblock %}
