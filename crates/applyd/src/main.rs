//! The applyd program
fn main() {}
