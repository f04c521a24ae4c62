"""SQLAlchemy's reflection and ORM; prints what must be the same with PostgreSQL and the gateway."""

from sqlalchemy import MetaData, Table, create_engine, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Session

engine = create_engine("postgresql+psycopg://", pool_pre_ping=True)
inspector = inspect(engine)
print(inspector.get_schema_names(), inspector.default_schema_name)
for schema in inspector.get_schema_names():
    if schema == "information_schema":
        continue
    print(schema, inspector.get_table_names(schema), inspector.get_view_names(schema))
    print(inspector.get_materialized_view_names(schema), inspector.get_sequence_names(schema))
    print(inspector.get_enums(schema), inspector.get_domains(schema))
    for of in ("columns", "pk_constraint", "foreign_keys", "indexes", "unique_constraints",
               "check_constraints", "table_comment", "table_options"):
        found = getattr(inspector, f"get_multi_{of}")(schema)
        for table in sorted(found, key=str):
            print(of, table, found[table])
for view in inspector.get_view_names():
    print(view, inspector.get_view_definition(view))

metadata = MetaData()
metadata.reflect(engine, schema="odd Schema")
base = automap_base()
base.prepare(autoload_with=engine)
print(sorted(metadata.tables), sorted(base.classes.keys()))
Thing = base.classes.things
with Session(engine) as session:
    things = session.scalars(select(Thing).where(Thing.share > 50).order_by(Thing.id)).all()
    print([(thing.name, thing.feels, thing.tags, thing.extra) for thing in things])
    Part = Table("Parts", metadata, schema="odd Schema", extend_existing=True)
    session.execute(Part.insert(), [{"thing": n, "No": 90 + n} for n in range(1, 50)])
    session.rollback()
    try:
        session.execute(Part.insert().values(thing=0, No=1))
    except IntegrityError as error:
        print(error.orig.diag.constraint_name)
    session.rollback()
with engine.connect().execution_options(stream_results=True, max_row_buffer=10) as connection:
    print(sum(row.id for row in connection.execute(text("SELECT id FROM things WHERE id < 61"))))
engine.dispose()
