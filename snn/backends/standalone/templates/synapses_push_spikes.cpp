{# There is no queue to push to; see synapses.cpp. #}
{% extends 'common_group.cpp' %}
