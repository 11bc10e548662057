"""The set `sshd`. The messages are from OpenSSH 9.8 and from pam_unix."""

from loganalysis.pattern_sets.pattern import BuiltInPattern as P
from loganalysis.pattern_sets.pattern import BuiltInSet

_AT = "Nov 29 13:12:01 web1 sshd[4711]:"

SSHD = BuiltInSet(
    "sshd",
    "Sign-ins and attacks in the log of OpenSSH's server, in syslog or journald",
    (
        P(
            "ssh failed password",
            "Failed password for ",
            f"{_AT} Failed password for root from 203.0.113.9 port 51234 ssh2",
            f"{_AT} Accepted password for root from 203.0.113.9 port 51234 ssh2",
        ),
        P(
            "ssh failed password of unknown user",
            "Failed password for invalid user ",
            f"{_AT} Failed password for invalid user admin from 203.0.113.9 port 51234 ssh2",
            f"{_AT} Failed password for root from 203.0.113.9 port 51234 ssh2",
        ),
        P(
            "ssh unknown user",
            ": Invalid user ",
            f"{_AT} Invalid user admin from 203.0.113.9 port 51234",
            f"{_AT} Failed password for invalid user admin from 203.0.113.9 port 51234 ssh2",
        ),
        P(
            "ssh accepted key",
            "Accepted publickey for ",
            f"{_AT} Accepted publickey for deploy from 203.0.113.9 port 51234 ssh2: ED25519"
            " SHA256:abc",
            f"{_AT} Accepted password for deploy from 203.0.113.9 port 51234 ssh2",
        ),
        P(
            "ssh accepted password",
            "Accepted password for ",
            f"{_AT} Accepted password for deploy from 203.0.113.9 port 51234 ssh2",
            f"{_AT} Failed password for deploy from 203.0.113.9 port 51234 ssh2",
        ),
        P(
            "ssh root signed in",
            "",
            f"{_AT} Accepted publickey for root from 203.0.113.9 port 51234 ssh2",
            f"{_AT} Failed password for root from 203.0.113.9 port 51234 ssh2",
            all=("Accepted ", " for root from "),
        ),
        P(
            "ssh session opened",
            "(sshd:session): session opened for user ",
            f"{_AT} pam_unix(sshd:session): session opened for user deploy(uid=1000) by (uid=0)",
            f"{_AT} pam_unix(sudo:session): session opened for user root(uid=0) by (uid=1000)",
        ),
        P(
            "ssh session closed",
            "(sshd:session): session closed for user ",
            f"{_AT} pam_unix(sshd:session): session closed for user deploy",
            f"{_AT} pam_unix(sudo:session): session closed for user root",
        ),
        P(
            "ssh ended before sign-in",
            " [preauth]",
            f"{_AT} Connection closed by 203.0.113.9 port 51234 [preauth]",
            f"{_AT} Connection closed by 203.0.113.9 port 51234",
        ),
        P(
            "ssh too many attempts",
            "maximum authentication attempts exceeded for ",
            f"{_AT} error: maximum authentication attempts exceeded for root from 203.0.113.9 port"
            " 51234 ssh2 [preauth]",
            f"{_AT} Disconnecting authenticating user root 203.0.113.9 port 51234",
        ),
        P(
            "ssh PAM failure",
            "(sshd:auth): authentication failure;",
            f"{_AT} pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh"
            " ruser= rhost=203.0.113.9  user=root",
            f"{_AT} pam_unix(sudo:auth): authentication failure; logname=deploy uid=1000",
        ),
        P(
            "ssh user not allowed",
            " not allowed because ",
            f"{_AT} User backup from 203.0.113.9 not allowed because not listed in AllowUsers",
            f"{_AT} User backup from 203.0.113.9 allowed",
        ),
        P(
            "ssh broken exchange",
            "kex_exchange_identification: ",
            f"{_AT} error: kex_exchange_identification: Connection closed by remote host",
            f"{_AT} kex: algorithm: curve25519-sha256",
        ),
        P(
            "ssh no common algorithm",
            "Unable to negotiate with ",
            f"{_AT} Unable to negotiate with 203.0.113.9 port 51234: no matching host key type"
            " found. Their offer: ssh-rsa [preauth]",
            f"{_AT} Connection from 203.0.113.9 port 51234 on 192.0.2.1 port 22",
        ),
        P(
            "ssh not SSH",
            "banner exchange: ",
            f"{_AT} error: banner exchange: Connection from 203.0.113.9 port 51234: invalid format",
            f"{_AT} Sent banner to 203.0.113.9",
        ),
        P(
            "ssh connection dropped",
            "drop connection #",
            f"{_AT} drop connection #11 from [203.0.113.9]:51234 on [192.0.2.1]:22 past"
            " MaxStartups",
            f"{_AT} Connection from 203.0.113.9 port 51234 on 192.0.2.1 port 22",
        ),
        P(
            "ssh disconnected",
            "Received disconnect from ",
            f"{_AT} Received disconnect from 203.0.113.9 port 51234:11: disconnected by user",
            f"{_AT} Disconnected from user deploy 203.0.113.9 port 51234",
        ),
        P(
            "ssh server started",
            "Server listening on ",
            f"{_AT} Server listening on 0.0.0.0 port 22.",
            f"{_AT} Received signal 15; terminating.",
        ),
    ),
)
