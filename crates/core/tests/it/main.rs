//! Integration tests of the rules, as one binary.

mod job_ref;
mod model;
mod request;
