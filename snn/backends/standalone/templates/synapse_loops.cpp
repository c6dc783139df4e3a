{# Loops over the synapses of presynaptic neurons. Within one row, or a segment of it, the index arrays are replaced by
   arithmetic where that is possible, so that the compiler sees contiguous memory and one presynaptic neuron. #}

{# Pointers may overlap, for all that a compiler knows; what is done here for one element never concerns another. #}
{% macro at_once(independent) %}{% if independent %}#pragma GCC ivdep{% endif %}{% endmacro %}

{% macro one_neuron(array, value) %}
const snn::Same {{array}} = {{value}}, _ptr{{array}} = {{array}}; (void)_ptr{{array}};
{% endmacro %}

{# Every synapse. Rows that are all alike are nested loops over contiguous memory. Alike are also rows that lack the
   neuron's synapse onto itself, and nothing else, if what is read of the postsynaptic neurons is a copy without that
   neuron: from one row to the next one element of the copy changes. Rows of a few synapses are not worth a loop each. #}
{% macro all_synapses(block, pre_array, post_array, source, independent, narrow, hollow) %}
    {% set body = caller() %}
    {% if narrow %}
    if (connectivity_{{block}}.narrow)
    {
        const int64_t _count = size_{{block}};
        {{ at_once(independent) }}
        for (int64_t _idx = 0; _idx < _count; _idx++)
        {
            const int64_t _vectorisation_idx = _idx; (void)_vectorisation_idx;
            {{ body }}
        }
        return;
    }
    {% endif %}
    if (connectivity_{{block}}.dense{% if hollow %} || connectivity_{{block}}.hollow{% endif %})
    {
        const int64_t _rows = size_{{source}}, _width = connectivity_{{block}}.width;
        {% if hollow %}
        const bool _hollow = connectivity_{{block}}.hollow;
        {% for pointer, kind in hollow %}
        static {{kind}}* const _copy{{pointer}} = _hollow ? snn::zeros<{{kind}}>(_rows) : nullptr;
        if (_hollow) std::memcpy(_copy{{pointer}}, {{pointer}} + 1, _width * sizeof({{kind}}));
        const {{kind}}* const _read{{pointer}} = _hollow ? _copy{{pointer}} : {{pointer}};
        {% endfor %}
        {% endif %}
        for (int64_t _row = 0; _row < _rows; _row++)
        {
            {{ one_neuron(pre_array, "{int32_t(_row)}") }}
            const snn::Shifted {{post_array}} = {_row * _width}, _ptr{{post_array}} = {{post_array}};
            (void)_ptr{{post_array}};
            {
                {% for pointer, kind in hollow or () %}
                const {{kind}}* const __restrict {{pointer}} = _read{{pointer}};
                {% endfor %}
                {{ at_once(independent) }}
                for (int64_t _idx = _row * _width; _idx < (_row + 1) * _width; _idx++)
                {
                    const int64_t _vectorisation_idx = _idx; (void)_vectorisation_idx;
                    {{ body }}
                }
            }
            {% for pointer, kind in hollow or () %}
            if (_hollow) _copy{{pointer}}[_row] = {{pointer}}[_row];
            {% endfor %}
        }
        return;
    }
    {% call rows(block, pre_array, post_array, independent, "0", "size_" ~ source) %}
    {{ body }}
    {% endcall %}
{% endmacro %}

{# Every synapse of the presynaptic neurons from `first` up to, but without, `end`. #}
{% macro rows(block, pre_array, post_array, independent, first, end) %}
    if (connectivity_{{block}}.segmented)
    {
        const snn::Segment* const _segments = connectivity_{{block}}.segments;
        const int64_t _last = connectivity_{{block}}.row_segments[{{end}}];
        for (int64_t _s = connectivity_{{block}}.row_segments[{{first}}]; _s < _last; _s++)
        {
            const snn::Segment _segment = _segments[_s];
            {{ one_neuron(pre_array, "{_segment.pre}") }}
            const snn::Shifted {{post_array}} = {_segment.shift}, _ptr{{post_array}} = {{post_array}};
            (void)_ptr{{post_array}};
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
        for (int64_t _row = {{first}}; _row < {{end}}; _row++)
        {
            {{ one_neuron(pre_array, "{int32_t(_row)}") }}
            const int64_t _row_end = connectivity_{{block}}.row[_row + 1];
            {{ at_once(independent) }}
            for (int64_t _idx = connectivity_{{block}}.row[_row]; _idx < _row_end; _idx++)
            {
                const int64_t _vectorisation_idx = _idx; (void)_vectorisation_idx;
                {{ caller() }}
            }
        }
    }
{% endmacro %}

{# Every synapse onto one postsynaptic neuron. #}
{% macro column(block, pre_array, post_array, neuron) %}
    {{ one_neuron(post_array, "{int32_t(" ~ neuron ~ ")}") }}
    const int64_t _column_end = connectivity_{{block}}.column[{{neuron}} + 1];
    for (int64_t _k = connectivity_{{block}}.column[{{neuron}}]; _k < _column_end; _k++)
    {
        {{ one_neuron(pre_array, "{connectivity_" ~ block ~ ".pre_by_post[_k]}") }}
        const int64_t _idx = connectivity_{{block}}.by_post[_k];
        const int64_t _vectorisation_idx = _idx; (void)_vectorisation_idx;
        {{ caller() }}
    }
{% endmacro %}
