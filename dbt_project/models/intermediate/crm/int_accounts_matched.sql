{#
    Which company an account record is about: those with one domain are one company, whichever CRM
    they come from. A free-mail domain names nobody's company, so such records stay by themselves.
#}
with

accounts as (

    {{ union_sources('accounts', {
        'account_id': 'string',
        'domain': 'string',
    }) }}

),

free_mail_domains as (

    select * from {{ ref('free_mail_domains') }}

),

owned as (

    select
        accounts.account_id,
        case when free_mail_domains.domain is null then accounts.domain end as domain
    from accounts
    left join free_mail_domains on accounts.domain = free_mail_domains.domain

)

select
    account_id as source_account_id,
    coalesce('domain-' || domain, account_id) as account_id,
    domain
from owned
