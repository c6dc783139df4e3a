{# The whole program: sizes, arrays, the functions of a step and the tables that the engine reads. -#}
#define SNN_REAL {{ real }}
#include "engine.h"
{% for name in names %}
#undef {{ name }}
{% endfor %}

{% for name in sizes %}
static int64_t size_{{ name }} = 0;
{% endfor %}
static const int64_t one = 1;
{% for block in synapses %}
static snn::Connectivity connectivity_{{ block.name }};
{% endfor %}
{% for array in arrays %}
static {{ array.kind }}* {{ array.name }} = nullptr;
{% endfor %}

{% for signal in signals %}
static const {{ signal.kind }}* row_{{ signal.source }} = nullptr;
static int64_t width_{{ signal.source }} = 1;
static inline {{ signal.kind }} signal_{{ signal.source }}(int64_t, int64_t i)
{ return row_{{ signal.source }}[width_{{ signal.source }} > 1 ? i : 0]; }
{% endfor %}

{% for step in steps %}
{{ step.code }}
{% endfor %}

const snn::Entry snn::entries[] = {
{% for array in arrays %}
    {"{{ array.shown }}", (void**)&{{ array.name }}, sizeof({{ array.kind }}), '{{ array.letter }}', '{{ array.role }}', &{{ array.size }}, {{ array.extra }}},
{% endfor %}
    {}};
const snn::Size snn::sizes[] = {
{% for name in sizes %}
    {"{{ name }}", &size_{{ name }}},
{% endfor %}
    {}};
const snn::SynapseEntry snn::synapses[] = {
{% for block in synapses %}
    {"{{ block.name }}", &size_{{ block.name }}, &size_{{ block.source }}, &size_{{ block.target }}, &{{ block.pre }}, &{{ block.post }}, &connectivity_{{ block.name }}},
{% endfor %}
    {}};
const snn::Signal snn::signals[] = {
{% for signal in signals %}
    {"{{ signal.source }}", (const void**)&row_{{ signal.source }}, &width_{{ signal.source }}, '{{ signal.letter }}'},
{% endfor %}
    {}};

void snn::initialise()
{
{% for line in start %}
    {{ line }}
{% endfor %}
}
void snn::set_clock(const Clock& clock, int64_t run_step)
{
{% for line in clock %}
    {{ line }}
{% endfor %}
}
void snn::run_step(unsigned phases)
{
{% for step in steps %}
    {{ step.condition }}_run_{{ step.name }}();
{% endfor %}
}
int main(int argc, char** argv) { return snn::run(argc, argv); }
