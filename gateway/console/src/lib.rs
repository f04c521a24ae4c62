//! HTTP: the API for holds, policies and metrics.
