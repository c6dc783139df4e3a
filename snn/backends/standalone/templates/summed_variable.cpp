{# USES_VARIABLES { N } #}
{% extends 'common_group.cpp' %}
{% from 'synapse_loops.cpp' import all_synapses %}
{% block maincode %}
    {% set _target_var_array = get_array_name(_target_var) %}
    const int64_t _target_size = {{constant_or_scalar(_target_size_name, variables[_target_size_name])}};
    for (int64_t _target_idx = 0; _target_idx < _target_size; _target_idx++)
        {{_target_var_array}}[_target_idx + {{_target_start}}] = 0;
    const int64_t _vectorisation_idx = -1; (void)_vectorisation_idx;
    {{scalar_code|autoindent}}
    {% call all_synapses(synaptic_block, pre_array, post_array, source_group, independent, false, false) %}
    {{vector_code|autoindent}}
    {{_target_var_array}}[{{get_array_name(_index_var)}}[_idx]] += _synaptic_var;
    {% endcall %}
{% endblock %}
