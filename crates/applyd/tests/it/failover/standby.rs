//! A primary and its standby, which change places.

use crate::cluster::Server;
use crate::network::Network;

pub(crate) struct Pair {
    primary: Option<Server>,
    standby: Option<Server>,
}

impl Pair {
    pub(crate) fn new(network: &Network) -> Self {
        let [one, two] = network.hosts().map(Clone::clone);
        let primary = Server::primary(one);
        let standby = primary.standby(two);
        Self { primary: Some(primary), standby: Some(standby) }
    }

    pub(crate) fn primary(&self) -> &Server {
        self.primary.as_ref().unwrap()
    }

    pub(crate) fn standby(&self) -> &Server {
        self.standby.as_ref().unwrap()
    }

    /// The standby was promoted: where the old primary was, which is dead, a new standby of it is made.
    pub(crate) fn rebuild(&mut self) {
        let host = self.primary().host.clone();
        self.primary = self.standby.take();
        self.standby = Some(self.primary().standby(host));
    }
}
