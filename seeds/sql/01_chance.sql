-- Chance without state: every draw is a hash of (seed, what is drawn), so the same arguments give
-- the same life on any machine, in any order and on any number of threads. Only +, * and integer
-- division are used on the results; powers and logarithms differ in the last bit between platforms.
create macro hash_of(name) as md5(getvariable('seed') || ':' || name);

-- Six independent uniform numbers in [0, 1) from one hash.
create macro part(hash, place) as
    ('0x' || substr(hash, 1 + 5 * place, 5))::integer / 1048576.0;

create macro uniform(name) as part(hash_of(name), 0);

-- A whole number from 0 to n - 1.
create macro below(n, chance) as floor(chance * n)::integer;

create macro pick(options, chance) as options[1 + below(len(options), chance)];

-- A share that is exact for any population, not only on average: the rank of the draw.
create macro quota(name, no) as
    (row_number() over (order by hash_of(name || no), no) - 0.5) / count(*) over ();

create macro iso(second) as
    strftime(make_timestamp(second::bigint * 1000000), '%Y-%m-%dT%H:%M:%SZ');

create macro day_of(second) as strftime(make_timestamp(second::bigint * 1000000), '%Y-%m-%d');

create macro money(cents) as
    case when cents < 0 then '-' else '' end
    || (abs(cents) // 100) || '.' || lpad((abs(cents) % 100)::varchar, 2, '0');

create macro slug(name) as regexp_replace(lower(strip_accents(name)), '[^a-z0-9]+', '-', 'g');

-- Salesforce ids have 18 characters; the last three encode which of the first 15 are capitals.
create macro salesforce_id(prefix, number) as
    prefix || '5g' || lpad(number::varchar, 10, '0')
    || case when regexp_matches(prefix, '^..[A-Z]') then 'EAA' else 'AAA' end;

-- How people type one number: E.164, spaced, 00, national, or with the trunk prefix in brackets.
-- A record without a country gives no hint how to read a national form, so it is not used there.
create macro spell_phone(calling, trunk, digits, chance, has_country) as case
    when digits is null then null
    when calling = '1' and chance < 0.4 and has_country
        then '(' || digits[1:3] || ') ' || digits[4:6] || '-' || digits[7:10]
    when calling = '1' and chance < 0.7
        then '+1 ' || digits[1:3] || '-' || digits[4:6] || '-' || digits[7:10]
    when calling = '1' then '+1' || digits
    when chance < 0.25 then '+' || calling || digits
    when chance < 0.50 then '+' || calling || ' ' || digits[1:3] || ' ' || digits[4:]
    when chance < 0.65 or not has_country then '00' || calling || ' ' || digits
    when chance < 0.95 then trunk || digits[1:3] || ' ' || digits[4:]
    when trunk = '' then '+' || calling || '-' || digits
    else '+' || calling || ' (' || trunk || ')' || digits
end;

-- Typing errors that leave an address which looks right; the digits keep it nobody else's.
create macro mistype(email, chance) as case
    when chance < 0.5 then email[1:1] || email[3:]
    when chance < 0.8 then email[1:2] || email[2:]
    else email[1:1] || email[3:3] || email[2:2] || email[4:]
end;
