"""SQLAlchemy: what its users do. Prints all it gets, so that the test can look for raw values."""

from sqlalchemy import MetaData, create_engine, func, inspect, select
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Session, joinedload, selectinload

engine = create_engine("postgresql+psycopg://")
inspector = inspect(engine)
assert inspector.get_table_names("staff") == ["employees"]
assert inspector.get_pk_constraint("customers")["constrained_columns"] == ["id"]
assert {key["referred_table"] for key in inspector.get_foreign_keys("orders")} == {"customers", "products"}
assert [index["column_names"] for index in inspector.get_unique_constraints("customers")] == [["email"]]
assert "SELECT" in inspector.get_view_definition("customer_contacts")
for of in ("columns", "indexes", "check_constraints", "table_comment"):
    print(of, getattr(inspector, f"get_multi_{of}")())
metadata = MetaData()
metadata.reflect(engine, views=True)
assert {"customers", "customer_contacts", "orders_import"} <= metadata.tables.keys()

base = automap_base()
base.prepare(autoload_with=engine)
Customer, Order = base.classes.customers, base.classes.orders


def refused(session, statement):
    try:
        session.execute(statement)
    except ProgrammingError as error:
        print(error.orig.sqlstate, error.orig)
        assert error.orig.sqlstate == "42501"
        session.rollback()
        return
    raise AssertionError(f"not refused: {statement}")


with Session(engine) as session:
    first = session.scalars(select(Customer).order_by(Customer.id).limit(5)).all()
    print([(customer.name, customer.email, customer.phone) for customer in first])
    assert all(customer.email.startswith(f"{customer.email[0]}***@") for customer in first)
    assert first[0].address == "***" and "*" not in first[0].name
    for load in (joinedload, selectinload):
        session.expire_all()
        order = session.scalars(select(Order).where(Order.id == 1).options(load(Order.customers))).one()
        print(order.customers.name, order.customers.email, order.products.name)
        assert "***@" in order.customers.email
    refused(session, select(func.lower(Customer.email)))
    refused(session, select(Customer.id).where(Customer.email.ilike("%berg%")))
    refused(session, select(func.count(Customer.id)).group_by(Customer.phone))
    assert session.scalar(select(func.count(Customer.id)).where(Customer.country == "DE")) > 0
    session.add(Customer(id=90001, name="New", email="new@example.org", password_hash="h", address="a", city="c",
                         country="DE", newsletter=False, created_at="2024-01-01"))
    session.flush()
    added = session.scalars(select(Customer).where(Customer.email == "new@example.org").execution_options(
        populate_existing=True)).one()
    print(added.email)
    assert added.email == "n***@example.org"
    session.rollback()
engine.dispose()
print("done")
