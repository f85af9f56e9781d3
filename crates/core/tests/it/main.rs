//! Integration tests of the rules, as one binary.

mod approval_model;
mod job_ref;
mod model;
mod request;
