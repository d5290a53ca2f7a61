{#
    Nobody is lost on the way: whoever a CRM marks as opted out is suppressed, unless they came
    back to the consent platform since.
#}
select contacts.contact_id
from {{ ref('contacts') }} as contacts
left join {{ ref('suppressions') }} as suppressions
    on contacts.person_id = suppressions.person_id
left join {{ ref('current_consents') }} as current_consents
    on contacts.person_id = current_consents.person_id
    and current_consents.purpose = 'email_marketing'
    and current_consents.state = 'granted'
    and current_consents.is_explicit
where contacts.is_opted_out_of_email
    and suppressions.person_id is null
    and current_consents.person_id is null
