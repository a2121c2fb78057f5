//! What the factory promises, seen from outside: one test binary, one file a promise.

mod scenarios;
