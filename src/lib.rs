//! Fleet Engine tokens, fetched once and kept right.
