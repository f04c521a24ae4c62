//! COPY data.
