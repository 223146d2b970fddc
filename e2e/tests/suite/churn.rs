//! A thousand changes of configurations and fifty of modules under load, broken ones among them: no request fails, what
//! is live is what was asked for last, memory stays bounded, and keys and counts outlive all of it.

use std::time::{Duration, Instant};

use e2e::bench::cpu::resident;
use e2e::load::Load;
use e2e::mesh::Setup;
use e2e::mint::Key;
use e2e::{KeyServer, LocalEnvoy, Mesh, MeshError, Request, Response, local, module, plugin};
use tollgate::module::Modules;

use crate::auth::world as auth;
use crate::ratelimit::world as ratelimit;
use crate::support::{MACHINE, PATIENCE};

const CHANGES: usize = 1000;
/// One change in so many brings another module as well: fifty in all.
const MODULE_EVERY: usize = 20;
/// What Envoy may have gained since it had seen an eighth of all this. It keeps some of each module that it ever compiled, and
/// V8 collects when it pleases; a leak of one VM or one configuration per change would be many times as much.
const GROWTH: u64 = 96 << 20;
/// The promise, for a change in the middle of the field: a machine that runs other things stops now and then.
const OF_CONFIGS: Duration = Duration::from_secs(1);
/// Envoy compiles a module while the load and both workers want the same two cores.
const OF_MODULES: Duration = Duration::from_secs(4);

/// What all three filters are told, by number. Metric names do not change, as they should not in production either.
#[derive(Debug, Clone, Copy, Default)]
struct Configs {
    header: usize,
    auth: usize,
    limits: usize,
}

impl Configs {
    /// The next: the header filter's with each, one of the others' now and then.
    fn after(self, change: usize) -> Self {
        Self {
            header: change,
            auth: if change.is_multiple_of(4) { change } else { self.auth },
            limits: if change.is_multiple_of(7) { change } else { self.limits },
        }
    }

    fn header(self) -> String {
        let version = self.header;
        format!("rules: [{{response: {{set: [{{name: x-version, value: \"{version}\"}}]}}}}]")
    }

    fn auth(self) -> String {
        let entries = self.auth.saturating_add(1000);
        auth::CORP.replace("interval: 5s", "interval: 5m").replace(
            "audiences: [orders]",
            &format!("audiences: [orders]\n        cache: {{maxEntries: {entries}}}"),
        )
    }

    fn limits(self) -> String {
        // A bucket that is used up fills in half an hour, whichever of the two it has.
        let (requests, burst) = if self.limits.is_multiple_of(2) { (6, 3) } else { (2, 1) };
        let rate = format!("{{requests: {requests}, unit: hour, burst: {burst}}}");
        format!(
            "limits: [{{name: rate, match: {{paths: [{{prefix: /limited}}]}}, key: [{{header: x-user}}], rate: {rate}}}]"
        )
    }
}

/// A mesh with all three filters, whose modules can be replaced.
struct World {
    mesh: LocalEnvoy,
    keys: KeyServer,
    folder: tempfile::TempDir,
    live: Configs,
    good: Request,
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in MODULES {
            std::fs::write(folder.path().join(name), shipped(name)).unwrap();
        }
        let key = Key::new("es", "ES256").unwrap();
        let keys = KeyServer::start(auth::ISSUER, &[&key]).await.unwrap();
        // Unchecked: what is broken shall reach Envoy and the module.
        let setup = Setup { workers: 2, checked: false, ..Setup::default() };
        let live = Configs::default();
        let manifests = manifests(&keys, &live.header(), &live.auth(), &live.limits());
        let mesh = LocalEnvoy::start_with(&manifests, setup, Modules::new(folder.path())).await.unwrap();
        let good = auth::good(&key);
        let world = Self { mesh, keys, folder, live, good };
        // One worker fetches and the other finds out: enough requests in a row have met both.
        let served = async || {
            for _ in 0..16 {
                if world.send(&world.good).await.status != 200 {
                    return None;
                }
            }
            Some(())
        };
        e2e::eventually("keys on all workers", PATIENCE, served).await.unwrap();
        world
    }

    async fn send(&self, request: &Request) -> Response {
        e2e::send(self.mesh.address(), request)
            .await
            .unwrap_or_else(|error| panic!("{error}\n{}", self.mesh.log()))
    }

    /// Serves the next configurations. Returns how long it took until all workers did.
    async fn change(&mut self, number: usize) -> Duration {
        let next = self.live.after(number);
        let began = Instant::now();
        let applied =
            self.mesh.apply(&manifests(&self.keys, &next.header(), &next.auth(), &next.limits())).await;
        applied.unwrap_or_else(|error| panic!("change {number}: {error}\n{}", self.mesh.log()));
        self.live = next;
        began.elapsed()
    }

    /// Tries a configuration that one of the filters must refuse. The others go on with what they have.
    async fn break_config(&mut self, number: usize) {
        let [mut header, mut auth, mut limits] = [self.live.header(), self.live.auth(), self.live.limits()];
        let (broken, field, name) = match number / 10 % 3 {
            0 => (&mut header, "\nnoSuchField: 1", "test.header-filter"),
            1 => (&mut auth, "    noSuchField: 1\n", "test.auth-filter"),
            _ => (&mut limits, "\nnoSuchField: 1", "test.ratelimit-filter"),
        };
        broken.push_str(field);
        self.refused(number, name, &[header, auth, limits]).await;
    }

    /// Tries a module that Envoy must refuse, and puts the old one back.
    async fn break_module(&mut self, number: usize) {
        let file = self.folder.path().join(MODULES[0]);
        let before = std::fs::read(&file).unwrap();
        // WebAssembly and nothing else; and another each time.
        std::fs::write(
            &file,
            module::variant(b"\0asm\x01\0\0\0", u8::try_from(number / MODULE_EVERY).unwrap()),
        )
        .unwrap();
        let configs = [self.live.header(), self.live.auth(), self.live.limits()];
        self.refused(number, "test.header-filter", &configs).await;
        std::fs::write(&file, before).unwrap();
    }

    async fn refused(&mut self, number: usize, plugin: &str, [header, auth, limits]: &[String; 3]) {
        let error = self.mesh.apply(&manifests(&self.keys, header, auth, limits)).await.err();
        let named = matches!(&error, Some(MeshError::Refused(refused)) if refused.iter().all(|one| one.plugin == plugin));
        assert!(named, "change {number}: {error:?}");
    }

    /// Another module of the same behaviour for the next change; mostly the header filter's.
    fn replace_module(&self, number: usize) {
        let round = number / MODULE_EVERY;
        let name = MODULES[match round % 10 {
            3 => 1,
            7 => 2,
            _ => 0,
        }];
        let bytes = module::variant(&shipped(name), u8::try_from(round).unwrap());
        std::fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    /// Whatever worker answers: the version that was asked for last, and no request without a token.
    async fn assert_live(&self, after: usize) {
        for _ in 0..4 {
            let answer = self.send(&self.good).await;
            let version = answer.headers.get("x-version");
            assert_eq!(
                (answer.status, version),
                (200, Some(self.live.header.to_string())),
                "after change {after}"
            );
        }
        let stranger = self.send(&Request::get("/orders")).await;
        assert_eq!(stranger.status, 401, "after change {after}: {stranger:?}");
    }

    /// How many of so many requests of a user to what is limited pass, on one worker.
    async fn passed(&self, user: &str, count: usize) -> usize {
        let mut request = self.good.clone().header("x-user", user);
        request.path = "/limited".to_owned();
        ratelimit::passed(self.mesh.address(), &request, count).await
    }

    /// The memory that Envoy holds, in bytes.
    fn memory(&self) -> u64 {
        resident(self.mesh.proxy().process_id()).unwrap() << 10
    }
}

const MODULES: [&str; 3] = ["header-filter.wasm", "auth-filter.wasm", "ratelimit-filter.wasm"];

fn shipped(name: &str) -> Vec<u8> {
    std::fs::read(local::dist().join(name))
        .unwrap_or_else(|error| panic!("dist/{name}: {error}; run `make e2e`"))
}

fn manifests(keys: &KeyServer, header: &str, auth: &str, limits: &str) -> String {
    let header = plugin::header_filter(header);
    format!("{header}---\n{}---\n{}", plugin::ratelimit_filter(limits), auth::manifests(auth, keys))
}

fn fine(response: &Response) -> bool {
    response.status == 200 && response.headers.has("x-version")
}

/// The median.
fn middle(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_changes_and_fifty_modules_cost_no_request_no_count_and_no_key() {
    let _machine = MACHINE.write().await;
    let mut world = World::start().await;
    assert_eq!(world.passed("ann", 6).await, 3);
    let load = Load::start(world.mesh.address(), &world.good, 2, fine);
    let (mut of_configs, mut of_modules, mut refused) = (Vec::new(), Vec::new(), 0);
    let mut warm = world.memory();
    let began = Instant::now();
    for number in 1..=CHANGES {
        match (number % MODULE_EVERY == 0, number % 10 == 5) {
            // One module in five is broken.
            (true, _) if number % (5 * MODULE_EVERY) == 0 => {
                world.break_module(number).await;
                refused += 1;
            }
            (true, _) => {
                world.replace_module(number);
                of_modules.push(world.change(number).await);
            }
            (false, true) => {
                world.break_config(number).await;
                refused += 1;
            }
            (false, false) => of_configs.push(world.change(number).await),
        }
        if number % 10 == 5 || number % MODULE_EVERY == 0 {
            world.assert_live(number).await;
        }
        if number == CHANGES / 8 {
            warm = world.memory();
        }
    }
    let took = began.elapsed();
    let tally = load.stop().await;
    let (grown, fetches) = (world.memory().saturating_sub(warm), world.keys.calls("/keys").len());
    let (configs, modules) = (middle(&mut of_configs), middle(&mut of_modules));
    println!(
        "{} requests, {} connections closed, {refused} changes refused, {took:.0?} in all; live after {configs:?} \
         (configurations), {modules:?} (modules); {} MiB after the first eighth, {} MiB more at the end; {fetches} key fetch",
        tally.fine,
        tally.closed,
        warm >> 20,
        grown >> 20
    );
    assert!(
        tally.failures.is_empty(),
        "{} of {}: {:?}",
        tally.failures.len(),
        tally.fine,
        tally.failures.first()
    );
    assert!(tally.fine > 500, "only {} requests", tally.fine);
    assert_eq!((of_modules.len(), refused), (40, 110), "all kinds of changes were made");
    assert!(configs < OF_CONFIGS && modules < OF_MODULES, "configurations {configs:?}, modules {modules:?}");
    assert!(grown < GROWTH, "{} MiB more", grown >> 20);
    assert_eq!(fetches, 1, "the keys that the proxy had were kept");
    assert_eq!(world.passed("ann", 6).await, 0, "what was used up is used up");
    assert_eq!(world.passed("bob", 1).await, 1, "and who has not come yet may");
    world.assert_live(CHANGES).await;
}
