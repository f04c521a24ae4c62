//! What is known of the database: a value, made from rows that the gateway fetched.
