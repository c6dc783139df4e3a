{# Loops over the synapses of `block`. Within a segment the index arrays are replaced by arithmetic, so that the
   compiler sees contiguous memory and one presynaptic neuron. #}
{% macro segment_indices(pre_array, post_array) %}
            const snn::Same {{pre_array}} = {_segment.pre}, _ptr{{pre_array}} = {{pre_array}};
            const snn::Shifted {{post_array}} = {_segment.shift}, _ptr{{post_array}} = {{post_array}};
            (void)_ptr{{pre_array}}; (void)_ptr{{post_array}};
{% endmacro %}
{# Pointers may overlap, for all that a compiler knows; synapses of one segment never do. #}
{% macro at_once(independent) %}{% if independent %}#pragma GCC ivdep{% endif %}{% endmacro %}
{% macro all_synapses(block, pre_array, post_array, independent) %}
    if (connectivity_{{block}}.segmented)
    {
        for (const snn::Segment& _segment : connectivity_{{block}}.segments)
        {
{{ segment_indices(pre_array, post_array) }}
            {{ at_once(independent) }}
            for (int64_t _idx = _segment.begin; _idx < _segment.end; _idx++)
            {
                const int64_t _vectorisation_idx = _idx; (void)_vectorisation_idx;
                {{ caller() }}
            }
        }
    }
    else
    {
        const int64_t _count = size_{{block}};
        for (int64_t _idx = 0; _idx < _count; _idx++)
        {
            const int64_t _vectorisation_idx = _idx; (void)_vectorisation_idx;
            {{ caller() }}
        }
    }
{% endmacro %}
