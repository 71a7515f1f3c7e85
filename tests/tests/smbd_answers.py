#!/usr/bin/python3
"""Answers of smbd, which a test compares ours with. Needs python3-samba.

smbd_answers.py SMB_CONF SERVER USER...   reads lines of PATH and, after a tab, SDDL or nothing.
The user root sets that descriptor on that file or folder of the share `store` over SMB, if there is
one; then each USER opens it for FILE_READ_DATA. Writes a line for each: PATH, USER, and `granted` or
`denied`, with tabs between them. All passwords are the one that the test gives.
"""
import sys

from samba import NTSTATUSError, credentials, ntstatus
from samba.dcerpc import security
from samba.samba3 import libsmb_samba_internal as libsmb
from samba.samba3 import param

PASSWORD = 'password'
READ_DATA = 1
SHARE_ALL = 7
DOMAIN = security.dom_sid('S-1-5-21-1-2-3')     # texts have no names that are relative to it
SET = security.SECINFO_OWNER | security.SECINFO_GROUP | security.SECINFO_DACL


def connect(conf: str, server: str, user: str) -> libsmb.Conn:
    lp = param.get_context()
    lp.load(conf)
    creds = credentials.Credentials()
    creds.guess(lp)
    creds.set_username(user)
    creds.set_password(PASSWORD)
    creds.set_kerberos_state(credentials.DONT_USE_KERBEROS)
    return libsmb.Conn(server, 'store', lp=lp, creds=creds)


def answer(user: libsmb.Conn, path: str) -> str:
    try:
        user.close(user.create(path, DesiredAccess=READ_DATA, ShareAccess=SHARE_ALL))
    except NTSTATUSError as error:
        if error.args[0] != ntstatus.NT_STATUS_ACCESS_DENIED:
            raise
        return 'denied'
    return 'granted'


def main(conf: str, server: str, *names: str) -> None:
    root = connect(conf, server, 'root')
    users = {name: connect(conf, server, name) for name in names}
    for line in sys.stdin:
        path, text = line.rstrip('\n').split('\t')
        path_there = path.replace('/', '\\')
        if text:
            root.set_acl(path_there, security.descriptor.from_sddl(text, DOMAIN), SET)
        for name, user in users.items():
            print(path, name, answer(user, path_there), sep='\t')


if __name__ == '__main__':
    main(*sys.argv[1:])
