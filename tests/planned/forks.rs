//! A job's exit code decides: both ways are planned, and either may be gone.

use crate::primitives::stage::with_docker;
use crate::support::image::Image;
use crate::support::need;

#[test]
fn the_exit_code_of_a_job_decides_and_both_ways_are_approved() {
    let Some(docker) = need::docker() else { return };
    let image = Image::web("planned-job")
        .change("ENTRYPOINT []")
        .import(docker);
    let playbook = format!(
        "let job = run_once(\"{image}\", [\"/web\", \"probe\"], #{{ expect_code: [0, 1] }});\n\
         if job.code == 0 {{\n    command([\"touch\", \"well\"], #{{ undo: [\"rm\", \"well\"] }});\n}} else {{\n    \
         command([\"touch\", \"ill\"], #{{ undo: [\"rm\", \"ill\"] }});\n}}\ncommand([\"touch\", \"end\"], #{{ undo: [\"rm\", \"end\"] }});\n"
    );
    let check = |playbook: &str, made: &str, other: &str| {
        let pb = with_docker(docker, None).file("job.rhai", playbook);
        let plan = pb
            .with(["plan", "job.rhai", "-o", "saved.plan"])
            .run()
            .expect(0);
        assert!(!pb.folder().join("end").exists(), "a plan does nothing");
        let plan = plan.hide(docker.prefix(), "<prefix>");
        pb.with(["run", "--plan", "saved.plan"]).run().expect(0);
        for file in [made, "end"] {
            assert!(pb.folder().join(file).exists(), "{file}");
        }
        assert!(!pb.folder().join(other).exists(), "{other}");
        plan
    };
    let plan = check(&playbook, "ill", "well");
    let job = plan.stdout.split("pb-RUN-").nth(1).unwrap()[..8].to_owned();
    plan.hide(&job, "<job>")
        .hide_plans()
        .matches("planned/fork");
    let well = playbook.replace("== 0", "== 1");
    check(&well, "well", "ill");
}
