"""deploy/ without running it: image, compose file, Kubernetes, Helm, systemd, each through the tool that reads it."""

import re
import shlex
import subprocess
from pathlib import Path

import compose_spec
import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft7Validator

from harness.gateway import ROOT, command, environment
from harness.programs import installed, run, succeed, unpack_kubernetes_programs

DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "promring"
OVERLAYS = ["base", "overlays/production"]
KUBERNETES_VERSIONS = ["1.29.0", "1.37.0"]
# Objects of the Prometheus Operator, whose schemas are not Kubernetes' own.
OPERATOR = ("ServiceMonitor", "PrometheusRule")
# Needs no other file.
WEB_CONFIGURATION = "http_server_config: {headers: {X-Frame-Options: deny}}\n"


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The folder with helm and kubectl."""
    folder = tmp_path_factory.mktemp("programs")
    unpack_kubernetes_programs(folder)
    yield folder
    for program in folder.iterdir():
        program.unlink()


def assert_configuration_is_right(binary, text, folder):
    """`promring check` on a configuration file; secrets that it names by absolute paths are made up."""
    for path in set(re.findall(r"/run/(?:secrets|credentials)/[\w./-]+", text)):
        secret = folder / path.lstrip("/")
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.write_text(WEB_CONFIGURATION if secret.name == "web.yaml" else "secret")
        text = text.replace(path, str(secret))
    file = folder / "promring.yaml"
    file.write_text(text)
    return succeed(*command("check", "--yaml", "--config-file", file), env=environment())


# --- The image ---------------------------------------------------------------------------------------------------------


def instructions():
    """The instructions of the Dockerfile: `[(word, rest)]`, continued lines joined."""
    lines = [line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()]


def installed_packages():
    """What the Dockerfile's stages install, stage by stage."""
    stages = []
    for word, rest in instructions():
        if word == "FROM":
            stages.append([])
        for part in rest.split("&&") if word == "RUN" else []:
            words = shlex.split(part)
            if words[:2] == ["apt-get", "install"]:
                stages[-1] += [each for each in words[2:] if not each.startswith("-")]
    return stages


def with_dependencies(packages):
    """These Debian packages and all that they depend on, going by what is installed here."""
    depends = {}
    for line in succeed("dpkg-query", "-W", "-f", "${Package}\t${Pre-Depends}, ${Depends}\n").splitlines():
        name, needs = line.split("\t")
        depends[name] = re.findall(r"(?:^|[,|])\s*([a-z0-9.+-]+)", needs)
    found, left = set(), list(packages)
    while left:
        name = left.pop()
        if name in depends and name not in found:
            found.add(name)
            left += depends[name]
    return found


def owners(binary):
    """The Debian packages of the libraries that the program itself names; the Swift runtime is linked into the image's."""
    needed = re.findall(r"NEEDED\s+(\S+)", succeed("objdump", "-p", binary))
    swift = re.compile(r"lib(swift|_?Foundation|dispatch|BlocksRuntime)")
    folder = "/" + subprocess.check_output(["gcc", "-print-multiarch"], text=True).strip() + "/"
    names = [name for name in needed if not swift.match(name)]
    lines = succeed("dpkg", "-S", *(f"*{folder}{name}" for name in names)).splitlines()
    return {line.split(":")[0] for line in lines}


def test_dockerfile_lint():
    text, status = run(installed("hadolint"), DEPLOY / "Dockerfile")
    assert status == 0, text


def test_the_image_has_the_libraries_that_the_program_needs_and_no_others(binary):
    _, runtime = installed_packages()
    needed = owners(binary)
    every = succeed("dpkg-query", "-W", "-f", "${Package} ${Essential}\n").splitlines()
    essential = [line.split()[0] for line in every if line.endswith(" yes")]
    assert not needed - with_dependencies([*runtime, *essential])
    assert set(runtime) - needed == {"ca-certificates"}


def test_the_builder_has_what_setup_installs_for_building():
    builder, _ = installed_packages()
    setup = re.search(r"program_packages=\((.*?)\)", (DEPLOY / "setup.sh").read_text(), re.DOTALL).group(1).split()
    assert set(builder) <= set(setup)
    in_swift_image = ["libc6-dev", "libstdc++-12-dev"]
    assert not {name for name in setup if name.endswith("-dev")} - with_dependencies([*builder, *in_swift_image])


def test_image_runs_as_a_number_and_knows_its_address():
    found = {word: rest for word, rest in instructions()}
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", found["USER"])
    assert yaml.safe_load(found["ENTRYPOINT"]) == ["promring"] and yaml.safe_load(found["CMD"]) == ["serve"]
    assert found["ENV"] == f"PROMRING_WEB_LISTEN_ADDRESS=:{found['EXPOSE']}"


def test_image_is_made_from_what_is_there():
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    wanted = {line[1:] for line in lines if line.startswith("!")} - {"Package.resolved"}
    assert not [pattern for pattern in wanted if not list(ROOT.glob(pattern))]
    copied = [rest.split()[-2] for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    for path in set(copied) - {"."}:
        assert (ROOT / path).exists() and any(path.startswith(pattern) for pattern in wanted), path
    # SwiftPM wants the folders of all targets, so every test target has to come along.
    targets = set(re.findall(r'testTarget\(\s*name: "(\w+)"', (ROOT / "Package.swift").read_text()))
    assert targets == {path.name for path in ROOT.glob("Tests/*Tests")}


def test_the_healthcheck_goes_by_the_probe(broker, serve):
    def healthcheck(path, address):
        return run(DEPLOY / "docker" / "healthcheck", path, env={"PROMRING_WEB_LISTEN_ADDRESS": address})

    gateway = serve(broker.topic())
    assert healthcheck("/-/healthy", gateway.address) == ("", 0)
    assert healthcheck("/-/ready", gateway.address) == ("", 0)
    assert healthcheck("/-/healthy", gateway.address.replace("127.0.0.1", "")) == ("", 0)
    arguments = ["serve", "--kafka-brokers", "127.0.0.1:1", "--kafka-topic", "t", "--web-listen-address", "127.0.0.1:0"]
    troubled = serve.run(arguments, ready=False)
    assert healthcheck("/-/healthy", troubled.address) == ("", 0)
    text, status = healthcheck("/-/ready", troubled.address)
    assert status == 1 and "503" in text
    assert healthcheck("/-/healthy", "127.0.0.1:1")[1] == 1


# --- The compose file --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compose():
    """The compose file after its own reader, merges applied."""
    text = (DEPLOY / "compose" / "compose.yaml").read_text()
    parsed = compose_spec.PyCompose.from_yaml(yaml.safe_dump(yaml.safe_load(text)))
    for check in (parsed.validate_configs, parsed.validate_networks, parsed.validate_secrets, parsed.validate_volumes):
        check()
    parsed.to_spec()
    return yaml.safe_load(text)


def test_compose_services_wait_for_each_other_and_can_tell_when_they_are_up(compose):
    services = compose["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            once = how["condition"] == "service_completed_successfully"
            assert once == (services[other]["restart"] == "no"), f"{name} waits for {other}"
            assert once or services[other]["healthcheck"]["test"], f"{name} waits for {other}"
    assert set(services["promring"]["depends_on"]) == {"topic"} and set(services["grafana"]["depends_on"]) > {"promring"}


def test_compose_images_are_pinned_and_ports_are_of_this_machine_alone(compose):
    for name, service in compose["services"].items():
        assert re.fullmatch(r"[\w/.-]+:v?\d[\w.]+", service["image"]), name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


def test_compose_mounts_what_is_there(compose):
    named = set(compose["volumes"])
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / "compose" / source).exists(), source
                assert volume.endswith(":ro"), volume
            else:
                named.discard(source)
    assert not named, "volumes that nobody mounts"
    build = compose["services"]["promring"]["build"]
    context = (DEPLOY / "compose" / build["context"]).resolve()
    assert context == ROOT.resolve() and (context / build["dockerfile"]).exists()


def test_compose_configurations_fit_together(compose, binary, tmp_path):
    text = (DEPLOY / "compose" / "promring.yaml").read_text()
    assert_configuration_is_right(binary, text, tmp_path)
    promring = yaml.safe_load(text)
    (write,) = yaml.safe_load((DEPLOY / "compose" / "prometheus.yml").read_text())["remote_write"]
    (task,) = promring["delivery"]["tasks"]
    assert write["url"] == f"http://promring:9797/api/v1/write/{task['name']}"
    made = compose["services"]["topic"]["command"]
    assert made[made.index("--topic") + 1] == task["target"]["topic"] and promring["kafka"]["topics"] == ["metrics"]
    listeners = compose["services"]["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert all(f"INTERNAL://{address}" in listeners for address in promring["kafka"]["brokers"])


# --- Kubernetes --------------------------------------------------------------------------------------------------------


def of_kind(objects, kind):
    (found,) = [each for each in objects if each["kind"] == kind]
    return found


def check_objects(objects):
    """Kubernetes' own schemas in their strict form, and that everything selects the same pods."""
    for each in objects:
        for version in KUBERNETES_VERSIONS:
            if each["kind"] not in OPERATOR:
                kubernetes_validate.validate(each, version, strict=True)
    template = of_kind(objects, "Deployment")["spec"]["template"]
    labels = template["metadata"]["labels"].items()
    selectors = [of_kind(objects, "Deployment")["spec"]["selector"]["matchLabels"]]
    selectors += [of_kind(objects, "Service")["spec"]["selector"]]
    selectors += [of_kind(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"]]
    selectors += [of_kind(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]]
    assert all(selector and selector.items() <= labels for selector in selectors), selectors
    for monitor in [each for each in objects if each["kind"] == "ServiceMonitor"]:
        service = of_kind(objects, "Service")
        assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "promring", "the rules go by this job"
        assert {each["port"] for each in monitor["spec"]["endpoints"]} == {each["name"] for each in service["spec"]["ports"]}
    check_pod(template["spec"])


def check_pod(pod):
    """The profile `restricted` of the pod security standards, and probes that ask what they should."""
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    allowed = {"configMap", "secret", "emptyDir", "persistentVolumeClaim"}
    assert {key for volume in pod["volumes"] for key in volume if key != "name"} <= allowed
    assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in pod["volumes"]}
    assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]
    ports = {each["name"] for each in container["ports"]}
    for probe, path in ("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz"):
        assert container[probe]["httpGet"]["path"].endswith(path) and container[probe]["httpGet"]["port"] in ports
    grace = pod["terminationGracePeriodSeconds"]
    assert grace > 10 + int(container["lifecycle"]["preStop"]["exec"]["command"][-1]), "promring takes 10 s at most"


def configuration_of(objects):
    """The configuration file that the pod sees."""
    pod = of_kind(objects, "Deployment")["spec"]["template"]["spec"]
    (name,) = [each["configMap"]["name"] for each in pod["volumes"] if "configMap" in each]
    (data,) = [each["data"] for each in objects if each["kind"] == "ConfigMap" and each["metadata"]["name"] == name]
    (mount,) = [each["mountPath"] for each in pod["containers"][0]["volumeMounts"] if each["name"] == "config"]
    arguments = pod["containers"][0]["args"]
    assert Path(arguments[arguments.index("--config-file") + 1]) == Path(mount) / "promring.yaml"
    text = data["promring.yaml"]
    for path in re.findall(r"/run/secrets/[\w./-]+", text):
        assert any(Path(path).is_relative_to(each["mountPath"]) for each in pod["containers"][0]["volumeMounts"]), path
    return text


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kustomize(programs, binary, tmp_path, overlay):
    text = succeed(programs / "kubectl", "kustomize", DEPLOY / "kubernetes" / overlay)
    objects = list(yaml.safe_load_all(text))
    check_objects(objects)
    assert_configuration_is_right(binary, configuration_of(objects), tmp_path)


# --- The Helm chart ----------------------------------------------------------------------------------------------------

EVERYTHING = {
    "fullnameOverride": "metrics",
    "replicaCount": 1,
    "image": {"digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "registry"}],
    "config": {
        "kafka": {"properties": {"sasl.username": "reader"}},
        "buffer": {"max_series": 5000000},
        "web": {"path_prefix": "/promring"},
    },
    "kafka": {"existingSecret": "kafka", "passwordKey": "word", "caSecret": "authority"},
    "deliveryState": {"existingClaim": "tasks"},
    "extraArgs": ["--log-level=debug"],
    "extraEnv": [{"name": "TZ", "value": "UTC"}],
    "serviceAccount": {"annotations": {"a": "b"}},
    "service": {"annotations": {"a": "b"}},
    "networkPolicy": {
        "ingressFrom": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}],
        "extraEgress": [{"ports": [{"port": 9100, "protocol": "TCP"}]}],
    },
    "serviceMonitor": {"enabled": True, "labels": {"release": "monitoring"}},
    "prometheusRule": {"enabled": True, "labels": {"release": "monitoring"}},
    "grafanaDashboards": {"enabled": True},
    "podLabels": {"team": "a"},
    "podAnnotations": {"a": "b"},
    "nodeSelector": {"disk": "none"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "high",
}
PASSWORD = {"kafka": {"password": "secret"}, "config": {"kafka": {"properties": {"sasl.username": "reader"}}}}
FEWEST = {
    "podDisruptionBudget": {"enabled": True}, "serviceAccount": {"create": False}, "image": {"tag": "1.2.3"},
    "preStopSleepSeconds": 1,
}  # fmt: skip
WEB = {
    "web": {"existingSecret": "web"},
    "serviceMonitor": {"enabled": True, "endpoint": {"scheme": "https", "basicAuth": {"username": {"name": "a", "key": "b"}}}},
}


def template(programs, folder, values):
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    return run(programs / "helm", "template", "a", CHART, "--namespace", "n", "--values", file)


def rendered(programs, folder, values):
    text, status = template(programs, folder, values)
    assert status == 0, text
    text = "\n".join(line for line in text.splitlines() if not line.startswith("level=INFO"))
    return [each for each in yaml.safe_load_all(text) if each]


def test_helm_lint(programs):
    text, status = run(programs / "helm", "lint", "--strict", CHART)
    assert status == 0, text


@pytest.mark.parametrize(
    "values", [{}, EVERYTHING, PASSWORD, FEWEST, WEB], ids=["defaults", "everything", "password", "fewest", "web"]
)
def test_helm(programs, binary, tmp_path, values):
    objects = rendered(programs, tmp_path, values)
    check_objects(objects)
    assert_configuration_is_right(binary, configuration_of(objects), tmp_path)


def test_helm_has_the_file_from_values_and_secrets_as_files(programs, binary, tmp_path):
    objects = rendered(programs, tmp_path, EVERYTHING)
    shown = yaml.safe_load(assert_configuration_is_right(binary, configuration_of(objects), tmp_path))
    assert shown["buffer"]["max_series"] == 5000000 and shown["web"]["path_prefix"] == "/promring"
    assert "secret" not in {each["kind"].lower() for each in objects}
    pod = of_kind(objects, "Deployment")["spec"]["template"]["spec"]
    assert pod["containers"][0]["readinessProbe"]["httpGet"]["path"] == "/promring/readyz"
    assert "password" not in str(pod["containers"][0].get("env", [])).lower()
    rules = of_kind(objects, "PrometheusRule")["spec"]
    assert rules == yaml.safe_load((DEPLOY / "prometheus" / "promring.rules.yml").read_text())
    dashboards = [each for each in objects if each["metadata"]["name"].startswith("metrics-dashboard")]
    assert len(dashboards) == len(list((DEPLOY / "grafana" / "dashboards").glob("*.json"))) == 2


def test_helm_with_a_web_configuration_probes_have_a_port_of_their_own(programs, tmp_path):
    objects = rendered(programs, tmp_path, WEB)
    check_objects(objects)
    (container,) = of_kind(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "probes"
    (endpoint,) = of_kind(objects, "ServiceMonitor")["spec"]["endpoints"]
    assert endpoint.items() >= WEB["serviceMonitor"]["endpoint"].items()
    web = yaml.safe_load(configuration_of(objects))["web"]
    assert web["probe_listen_address"] == f":{ports['probes']}" and web["listen_address"] == f":{ports['http']}"


@pytest.mark.parametrize(
    "values",
    [
        {"replicas": 3},
        {"kafka": {"passwort": "x"}},
        {"kafka": {"password": "x", "existingSecret": "y"}},
        {"config": {"kafka": {"brokers": []}}},
        {"config": {"web": {"listen_address": ":80"}}},
        {"config": {"bufer": {}}},
        {"replicaCount": 2, "deliveryState": {"existingClaim": "c"}},
        {"image": {"digest": "sha256:abc"}},
        {"resources": {"memory": "1Gi"}},
    ],
)
def test_helm_refuses_values_that_mean_nothing(programs, tmp_path, values):
    text, status = template(programs, tmp_path, values)
    assert status != 0 and "values don't meet the specifications of the schema" in text, text


def test_helm_every_value_has_a_schema_and_a_use():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    Draft7Validator.check_schema(schema)
    templates = "".join(path.read_text() for path in (CHART / "templates").iterdir())
    for name, value in values.items():
        described = schema["properties"][name]
        whole = re.search(rf"\.Values\.{name}\b(?!\.\w)", templates)
        for key in value if isinstance(value, dict) and name != "config" else []:
            assert key in described.get("properties", {}) or "additionalProperties" in described, f"{name}.{key}"
            assert whole or re.search(rf"\.Values\.{name}\.{key}\b", templates), f"nothing uses {name}.{key}"
        assert f".Values.{name}" in templates, f"nothing uses {name}"
    assert set(values) == set(schema["properties"]) - {"global"}


# --- systemd -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def unit(binary, tmp_path):
    """The unit with the program where it is here, as systemd looks whether it is there."""
    text = (DEPLOY / "systemd" / "promring.service").read_text()
    assert "ExecStart=/usr/local/bin/promring serve --config-file /etc/promring/promring.yaml\n" in text
    file = tmp_path / "promring.service"
    file.write_text(text.replace("/usr/local/bin/promring", str(binary)))
    return file


def test_systemd_verify(unit):
    text, status = run("systemd-analyze", "verify", unit)
    assert status == 0 and str(unit) not in text, text


def test_systemd_exposure_is_at_most_1_5_of_10(unit):
    text, status = run("systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", unit)
    assert status == 0, text


def test_systemd_configuration(unit, binary, tmp_path):
    text = (DEPLOY / "systemd" / "promring.yaml").read_text()
    shown = yaml.safe_load(assert_configuration_is_right(binary, text, tmp_path))
    # The commented lines are to be right, too.
    whole = re.sub(r"(?m)^(  )?# (delivery:|  state:|config_file:)", r"\1\2", text)
    state = yaml.safe_load(assert_configuration_is_right(binary, whole, tmp_path))["delivery"]["state"]
    lines = [line.split("=", 1) for line in unit.read_text().splitlines() if re.match(r"\w+=", line)]
    settings = dict(lines)
    assert state == f"/var/lib/{settings['StateDirectory']}"
    credentials = {value.split(":")[0] for name, value in lines if name == "LoadCredential"}
    assert credentials == {*re.findall(r"/run/credentials/promring\.service/([\w.-]+)", text), "server.crt", "server.key"}
    assert shown["kafka"]["properties"]["security.protocol"] == "sasl_ssl"
    assert settings["MemoryMax"] == "1G" and shown["buffer"]["max_bytes"] == "512MiB"
