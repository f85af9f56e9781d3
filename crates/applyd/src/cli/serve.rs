//! What a node is started with.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Address and port; port 0 picks a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Workers {
    /// Applications worked on at once; 0: this node submits nothing
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<usize>,
}

impl Workers {
    /// As a setting.
    pub(crate) fn flag(&self) -> Option<String> {
        self.workers.map(|workers| workers.to_string())
    }
}
