//! What a policy may answer that looks at results, and what it may not.
