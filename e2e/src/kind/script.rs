//! `scripts/kind.sh` with programs in the places of docker, kind, kubectl, istioctl and cargo that write down what they are
//! asked and remember what they have made: which steps it takes, and that it takes none twice.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::stand_in::stand_in;

/// `$STATE/<name>` says that something is there; `$STATE/fail` holds a word of the call that is to fail.
const FAKE: &str = r#"state=STATE; call="${0##*/} $*"
echo "$call" >>$state/calls
if [ -s $state/fail ] && [[ $call == *"$(cat $state/fail)"* ]]; then echo "made to fail" >&2; exit 1; fi
case "$call" in
"kind get clusters"*) [ ! -e $state/cluster ] || echo tollgate ;;
"kind create cluster"*) touch $state/cluster ;;
"kind delete cluster"*) rm -f $state/cluster ;;
"kind get nodes"*) echo tollgate-control-plane ;;
"docker inspect -f {{.State.Running}}"*) [ -e $state/registry ] && echo true ;;
"docker inspect -f {{json"*) [ ! -e $state/connected ] || echo '{"NetworkID":"1"}' ;;
"docker exec -i"*) cat >/dev/null ;;
"docker run"*) touch $state/registry ;;
"docker network connect"*) touch $state/connected ;;
"docker rm"*) rm -f $state/registry $state/connected ;;

*"get crd"*) [ -e $state/crds ] ;;
*"standard-install.yaml") touch $state/crds ;;
*"get deployment istiod-"*) [ -e $state/istio ] ;;
"istioctl install"*) touch $state/istio ;;
"cargo build"*) mkdir -p $CARGO_TARGET_DIR/docker/build/x86_64-unknown-linux-gnu/debug
  touch $CARGO_TARGET_DIR/docker/build/x86_64-unknown-linux-gnu/debug/tollgate ;;
"rustc -vV") echo "host: x86_64-unknown-linux-gnu" ;;
esac
"#;

struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let machine = Self { folder };
        let istio = fs::read_to_string(root().join("e2e/kind/versions.env")).unwrap();
        let istio = istio.split_once("ISTIO_VERSION:-").unwrap().1.split_once('}').unwrap().0.to_owned();
        let istioctl = format!("tools/istio-{istio}/istioctl");
        let text = FAKE.replace("STATE", &machine.path("state").display().to_string());
        fs::create_dir_all(machine.path("state")).unwrap();
        for program in ["bin/docker", "bin/kind", "bin/kubectl", "bin/cargo", "bin/rustc", &istioctl] {
            stand_in(machine.path(program), &text);
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn step(&self, step: &str) -> Output {
        let _ = fs::remove_file(self.path("state/calls"));
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(root().join("scripts/kind.sh"));
        command
            .arg(step)
            .env("PATH", path)
            .env("TOLLGATE_TOOLS", self.path("tools"))
            .env_remove("ISTIO_VERSION");
        command.env("TOLLGATE_KIND_STATE", self.path("kind")).env("CARGO_TARGET_DIR", self.path("target"));
        command.output().unwrap()
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.path("state/calls")).unwrap_or_default()
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What is made once.
const MADE: [&str; 5] = [
    "docker run",
    "kind create cluster",
    "docker network connect kind",
    "standard-install.yaml",
    "istioctl install",
];

#[test]
fn the_cluster_is_brought_up_in_order_and_not_twice() {
    let machine = Machine::new();
    let output = machine.step("up");
    assert!(output.status.success(), "{}", said(&output));
    let calls = machine.calls();
    let places: Vec<usize> =
        MADE.iter().map(|made| calls.find(made).unwrap_or_else(|| panic!("{made}: {calls}"))).collect();
    assert!(places.is_sorted(), "{calls}");
    assert!(calls.contains("label namespace shop istio.io/rev=1-"), "{calls}");
    // The user's own context is never meant.
    let strays: Vec<&str> = calls
        .lines()
        .filter(|call| call.starts_with("kubectl ") && !call.contains("--context kind-tollgate"))
        .collect();
    assert!(strays.is_empty(), "{strays:?}");

    let again = machine.step("up");
    assert!(again.status.success(), "{}", said(&again));
    for made in MADE {
        assert!(!machine.calls().contains(made), "{made} again");
    }
    assert!(machine.step("down").status.success());
    assert!(!machine.path("state/cluster").exists() && !machine.path("state/registry").exists());
}

#[test]
fn a_step_that_fails_ends_it_and_says_what_to_do() {
    for (call, what) in [
        ("docker info", "docker does not answer"),
        ("docker run", "the registry does not start"),
        ("kind create", "kind cannot create the cluster"),
        ("istioctl install", "cannot install Istio"),
        ("load docker-image", "the node does not take tollgate:local"),
        ("wait deployment", "workloads of shop do not come up"),
        ("wait gateway/waypoint", "the waypoint does not come up"),
    ] {
        let machine = Machine::new();
        fs::write(machine.path("state/fail"), call).unwrap();
        let output = machine.step("up");
        assert_eq!(output.status.code(), Some(1), "{call}");
        assert!(said(&output).contains(&format!("FAILED: {what}")), "{call}: {}", said(&output));
        assert!(said(&output).contains("remedy: "), "{call}");
        let last = machine.calls();
        assert!(last.lines().last().unwrap().contains(call), "nothing comes after {call}: {last}");
    }
}

#[test]
fn nothing_is_applied_or_tested_before_modules_were_pushed() {
    let machine = Machine::new();
    for step in ["apply", "test"] {
        let output = machine.step(step);
        assert_eq!(output.status.code(), Some(1), "{step}");
        assert!(said(&output).contains("remedy: kind.sh push"), "{}", said(&output));
    }
    assert_eq!(machine.step("evidence").status.code(), Some(0), "evidence is collected of whatever there is");
    assert_eq!(machine.step("nonsense").status.code(), Some(2));
}
