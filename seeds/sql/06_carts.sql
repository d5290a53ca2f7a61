-- What was looked at and, from the first ones, put into the cart.
create or replace table viewed_products as
with drawn as (
    select
        visits.no,
        visits.k,
        position,
        hash_of('view:' || visits.no || ':' || coalesce(visits.parent_k, visits.k) || ':' || position)
            as h,
        visits.kind,
        visits.view_count
    from visits, unnest(range(3)) as positions (position)
    where visits.kind <> 'bounce'
)

select
    drawn.no,
    drawn.k,
    drawn.position,
    products.*,
    people.is_lapsed,
    case when people.is_lapsed then 3 else 1 end + below(2, part(drawn.h, 1)) as quantity,
    drawn.position <= below(3, part(drawn.h, 2))
    and drawn.kind in ('cart', 'checkout', 'order')
    or drawn.position = 0 and drawn.kind in ('cart', 'checkout', 'order') as is_added
from drawn
inner join products on products.product_no = 1 + below(40, part(drawn.h, 0))
inner join people on drawn.no = people.no
where drawn.position < drawn.view_count or drawn.position < 1;

create or replace table cart_lines as
select
    no,
    k,
    position,
    product_no,
    product_id,
    sku,
    title,
    product_type,
    price,
    quantity
from viewed_products
where is_added
    -- A third product is put back now and then.
    and not (position = 2 and uniform('put-back:' || no || ':' || k) < 0.4);
