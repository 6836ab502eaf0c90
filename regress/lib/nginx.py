"""What nginx is started with, in the foreground and with all its files in one
directory.

    words = nginx.words(tmp, ("listen 127.0.0.1:9080", "root " + www))
"""

import os

CONF = """\
daemon off;
user {user};
worker_processes 1;
pid {tmp}/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
	access_log off;
	sendfile on;
	client_max_body_size 0;
	client_body_temp_path {tmp}/nginx-body;
	proxy_temp_path {tmp}/nginx-proxy;
	fastcgi_temp_path {tmp}/nginx-fastcgi;
	uwsgi_temp_path {tmp}/nginx-uwsgi;
	scgi_temp_path {tmp}/nginx-scgi;
	server {{
		{server}
	}}
}}
"""


def words(tmp, server, user="nobody nogroup"):
    """Of its command line; server: the statements of its only one."""
    conf = os.path.join(tmp, "nginx.conf")
    with open(conf, "w") as stream:
        stream.write(CONF.format(tmp=tmp, user=user, server="\n\t\t".join(
            statement + ";" for statement in server)))
    return ["-p", tmp, "-e", "stderr", "-c", conf]
