//! Scripts that are right: nothing is found in them.

use crate::stage::{checked_in, lines};

#[test]
fn right_playbooks_pass() {
    for (name, text) in [(
        "rolling",
        "let image = param(\"image\", #{ help: \"image\" });\nlet db = target.database;\nwait_db(db, #{ deadline: \"60s\" });\nsavepoint(\"release\", || { migrate(db, \"m\"); rolling(target.web, #{ batch: 1 }, |name| { swap_container(name, #{ image: image, env: #{ URL: db.url }, router: target.router }); }); });\nprint(`web runs ${image}`);",
    )] {
        assert_eq!(lines(&checked_in(name, text)), [""; 0], "{name}");
    }
}
