{#
    How each supported country dials: the calling code, and what precedes a national number at
    home as a pattern over the whole number (its first group is the number without it).
#}
{%- macro phone_countries() -%}
    {%- set countries = {} -%}
    {%- set calling_codes = {
        'DE': '49', 'AT': '43', 'CH': '41', 'FR': '33', 'BE': '32', 'NL': '31', 'LU': '352', 'IT': '39',
        'ES': '34', 'PT': '351', 'GB': '44', 'IE': '353', 'DK': '45', 'SE': '46', 'NO': '47', 'FI': '358',
        'PL': '48', 'CZ': '420', 'SK': '421', 'HU': '36', 'RO': '40', 'BG': '359', 'GR': '30', 'HR': '385',
        'SI': '386', 'EE': '372', 'LV': '371', 'LT': '370', 'TR': '90', 'UA': '380', 'US': '1', 'CA': '1',
        'MX': '52', 'BR': '55', 'AU': '61', 'NZ': '64', 'JP': '81', 'IN': '91', 'SG': '65', 'HK': '852',
        'ZA': '27', 'AE': '971', 'IL': '972'
    } -%}
    {%- set without_trunk = ['LU', 'IT', 'ES', 'PT', 'DK', 'NO', 'PL', 'CZ', 'GR', 'EE', 'LV', 'MX', 'SG', 'HK'] -%}
    {%- set trunks = {'HU': '06', 'US': '1', 'CA': '1', 'LT': '[08]'} -%}
    {# Elsewhere 00 does not lead abroad, so that a number beginning with it is not international. #}
    {%- set other_exit_code = ['US', 'CA', 'AU', 'JP', 'BR', 'HK', 'SG', 'MX'] -%}
    {%- for country, calling_code in calling_codes.items() -%}
        {%- do countries.update({country: {
            'calling_code': calling_code,
            'trunk': '' if country in without_trunk else trunks.get(country, '0'),
            'exits_with_00': country not in other_exit_code,
        }}) -%}
    {%- endfor -%}
    {{ return(countries) }}
{%- endmacro -%}
