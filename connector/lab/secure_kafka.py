"""A broker with SASL_SSL (SCRAM), TLS with client certificates, and ACLs; no plain port."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from connector.errors import Retry
from connector.lab.certificates import Authority
from connector.lab.java_packages import java, kafka_classpath
from connector.lab.real_kafka import CLUSTER_ID, JVM, RealKafka, free_port

SCRAM = "SCRAM-SHA-512"
_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


class SecureKafka(RealKafka):
    """One KRaft broker that lets nobody in without a name.

    Args:
        users: Name -> password; `admin` is the super user.
        server_names: Names in the certificate of the SASL_SSL listener.
        extra: More lines of server.properties.

    Attributes:
        authority: Signed the broker; clients trust `authority.path`.
        mutual_tls: Address of the listener that wants a client certificate.
    """

    def __init__(
        self,
        users: Mapping[str, str],
        server_names: tuple[str, ...] = ("localhost", "127.0.0.1"),
        extra: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(extra)
        self._users = dict(users)
        folder = self._process.folder
        self.authority = Authority(folder)
        self._own = self.authority.issue("localhost")
        self._shown = self.authority.issue("shown", server_names)
        self._mutual_port = free_port()
        self.bootstrap_servers = f"localhost:{self.port}"
        self.mutual_tls = f"localhost:{self._mutual_port}"

    def _properties(self) -> dict[str, str]:
        controller = free_port()
        ports = {"SECURE": self.port, "MTLS": self._mutual_port, "CONTROLLER": controller}
        listeners = [f"{name}://127.0.0.1:{port}" for name, port in ports.items()]
        advertised = [f"{name}://localhost:{ports[name]}" for name in ("SECURE", "MTLS")]
        secure = "listener.name.secure"
        return super()._properties() | {
            "listeners": ",".join(listeners),
            "advertised.listeners": ",".join(advertised),
            "listener.security.protocol.map": "SECURE:SASL_SSL,MTLS:SSL,CONTROLLER:SSL",
            "controller.quorum.voters": f"1@localhost:{controller}",
            "inter.broker.listener.name": "MTLS",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self._own.bundle),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.path),
            "listener.name.mtls.ssl.client.auth": "required",
            "listener.name.controller.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^CN=([^,]+),.*$/$1/,DEFAULT",
            f"{secure}.ssl.keystore.type": "PEM",
            f"{secure}.ssl.keystore.location": str(self._shown.bundle),
            f"{secure}.sasl.enabled.mechanisms": SCRAM,
            f"{secure}.{SCRAM.lower()}.sasl.jaas.config": _LOGIN,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:admin;User:localhost",
            "allow.everyone.if.no.acl.found": "false",
        }

    def _format(self, properties: Path) -> None:
        """Let the storage tool write the users: only it can."""
        if (self._process.folder / "data" / "meta.properties").exists():
            return
        users = [
            argument
            for name, password in self._users.items()
            for argument in ("--add-scram", f"{SCRAM}=[name={name},password={password}]")
        ]
        command = [java(), *JVM, "-cp", kafka_classpath(), "kafka.tools.StorageTool", "format"]
        command += ["-t", CLUSTER_ID, "-c", str(properties), *users]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise Retry(f"the storage tool failed:\n{done.stdout}{done.stderr}")

    def client(self) -> dict[str, str | int | float | bool]:
        """Return what the super user needs to connect."""
        return self.login("admin")

    def login(self, user: str) -> dict[str, str | int | float | bool]:
        """Return what a user needs to connect over SASL_SSL."""
        return {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": SCRAM,
            "sasl.username": user,
            "sasl.password": self._users[user],
            "ssl.ca.location": str(self.authority.path),
            # The super user connects whatever the certificate says: tests of names need it.
            "ssl.endpoint.identification.algorithm": "none",
        }
