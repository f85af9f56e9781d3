//! Tasks of the applyd repository.
fn main() {}
