//! What outlives the process, and who may serve.

use applyd_store::{Error, ServeLock, application, meta};

use crate::engine::{on_each, on_sqlite};
use crate::world::job;

#[test]
fn everything_is_there_after_a_reopen() {
    on_each(|world| {
        let account = world.account("a", 9);
        world.write(|tx| meta::identity(tx, "one"));
        world.accept(&account, &job(1));
        let applied = world.apply(&account, "w");
        world.accept(&account, &job(2));
        let (sent, _) = world.cross(&account, "w");
        let before = [&applied, &sent].map(|id| format!("{:?}", world.load(id)));
        let again = world.open_again();
        let after = [applied, sent].map(|id| {
            let found = again.read_blocking(move |tx| application::load(tx, &id)).unwrap().unwrap();
            format!("{found:?}")
        });
        assert_eq!(before, after);
        assert_eq!(again.write_blocking(|tx| meta::identity(tx, "two")).unwrap(), "one");
        world.assert_clean();
    });
}

#[test]
fn one_serves_and_the_next_one_may_after_it() {
    on_sqlite(|world| {
        let database = world.folder.path().join("applyd.db");
        let lock = ServeLock::take(&database).unwrap();
        let refused = ServeLock::take(&database).unwrap_err();
        assert!(matches!(refused, Error::Served(_)), "{refused}");
        assert!(refused.to_string().contains("applyd.db"), "{refused}");
        ServeLock::take(&world.folder.path().join("other.db")).unwrap();
        let link = world.folder.path().join("link.db");
        std::os::unix::fs::symlink(&database, &link).unwrap();
        assert!(matches!(ServeLock::take(&link), Err(Error::Served(_))), "the same database by a link");
        drop(lock);
        ServeLock::take(&database).unwrap();
    });
}
