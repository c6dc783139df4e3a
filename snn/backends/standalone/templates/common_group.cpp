{# One function a code object; all of them stand in one translation unit, so what a function needs is in a namespace
   of its own. #}
{% macro before_run_cpp_file() %}
EMPTY_CODE_BLOCK
{% endmacro %}
{% macro before_run_h_file() %}
{% endmacro %}
{% macro after_run_cpp_file() %}
EMPTY_CODE_BLOCK
{% endmacro %}
{% macro after_run_h_file() %}
{% endmacro %}
{% macro h_file() %}
{% endmacro %}
{% macro cpp_file() %}
{% if support_code_lines or hashdefine_lines %}
namespace support_{{codeobj_name}} {
    {{support_code_lines|autoindent}}
}
{{hashdefine_lines|autoindent}}
{% endif %}
SNN_STEP_FUNCTION _run_{{codeobj_name}}()
{
    {% if support_code_lines or hashdefine_lines %}
    using namespace support_{{codeobj_name}};
    {% endif %}
    %CONSTANTS%
    {{pointers_lines|autoindent}}
    {% block maincode %}
    {% endblock %}
}
{% endmacro %}
