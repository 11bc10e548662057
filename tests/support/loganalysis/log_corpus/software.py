"""Formats of logging libraries and applications."""

from tests.support.loganalysis.log_corpus.headers import ISO, layout

APP = """
INFO Started worker {n} of {n}
INFO User {user} signed in from {ip}
WARNING Retrying request to {url} in {n} seconds
ERROR Could not connect to {host}:{port}: timed out
INFO Processed {n} orders in {ms} ms
DEBUG Cache miss for key session:{hex}
INFO Shutting down
"""
ORDERS = """
INFO Order {uuid} created by customer {n}
INFO Order {uuid} shipped to {host}
ERROR Payment of order {uuid} declined: insufficient funds
INFO Sent mail to {email}
WARN Stock of item {n} below {n}
INFO Refreshed {n} prices
"""
JOBS = """
INFO Job {id} queued
INFO Job {id} started on node {host}
INFO Job {id} finished in {n} seconds
ERROR Job {id} failed: exit code {n}
WARN Queue length is {n}
INFO Worker pool resized from {n} to {n}
"""

FORMATS = {
    "python_logging": (
        layout(ISO + ",<ms> <LEVEL> <C>: <M>", "app.views", "app.db", "urllib3"),
        APP,
    ),
    "python_basic": (layout("<LEVEL>:<C>:<M>", "root", "app"), ORDERS),
    "python_dashes": (layout(ISO + ",<ms> - <C> - <LEVEL> - <M>", "app.main", "worker"), JOBS),
    "log4j": (
        layout(
            ISO + ",<ms> <LEVEL> [<C>] com.example.OrderService - <M>",
            "main",
            "http-nio-8080-exec-{n}",
        ),
        ORDERS,
    ),
    "logback": (
        layout("%H:%M:%S.<ms> [<C>] <LEVEL> c.e.app.JobRunner - <M>", "main", "pool-1-thread-{n}"),
        JOBS,
    ),
    "spring_boot": (
        layout(
            ISO + ".<ms>  <LEVEL> {pid} --- [<C>] c.e.shop.ShopApplication : <M>",
            "main",
            "nio-8080-exec-{n}",
        ),
        APP,
    ),
    "jul": (layout("%b %d, %Y %H:%M:%S <LEVEL> com.example.Main: <M>"), JOBS),
    "serilog": (layout(ISO + ".<ms> +00:00 [<C>] <M>", "INF", "WRN", "ERR"), ORDERS),
    "nlog_pipes": (layout(ISO + ".%f|<LEVEL>|<C>|<M>", "Shop.Orders", "Shop.Mail"), ORDERS),
    "log4net": (
        layout(ISO + ",<ms> [{n}] <LEVEL> <C> [(null)] - <M>", "Jobs.Runner", "Jobs.Pool"),
        JOBS,
    ),
    "zap_json": (
        layout(
            '{"level":"<level>","ts":{big}.{n},"caller":"<C>:{n}","msg":"<M>"}',
            "http/server.go",
            "db/pool.go",
        ),
        JOBS,
    ),
    "logrus": (
        layout('time="%Y-%m-%dT%H:%M:%SZ" level=<level> msg="<M>" component=<C>', "api", "db"),
        APP,
    ),
    "bunyan": (
        layout(
            '{"name":"<C>","hostname":"{host}","pid":{pid},"level":30,"msg":"<M>",'
            '"time":"%Y-%m-%dT%H:%M:%S.<ms>Z","v":0}',
            "shop",
            "mail",
        ),
        ORDERS,
    ),
    "winston": (layout("%Y-%m-%dT%H:%M:%S.<ms>Z <level>: <M>"), ORDERS),
    "rails": (layout("<L>, [%Y-%m-%dT%H:%M:%S.%f #{pid}] <LEVEL> -- : [{uuid}] <M>"), ORDERS),
    "php_monolog": (
        layout("[%Y-%m-%dT%H:%M:%S.%f+00:00] <C>.<LEVEL>: <M> [] []", "app", "request"),
        APP,
    ),
    "rust_env": (layout("[%Y-%m-%dT%H:%M:%SZ <LEVEL> <C>] <M>", "app::server", "app::db"), JOBS),
    "go_std": (layout("%Y/%m/%d %H:%M:%S <M>"), JOBS),
    "erlang": (
        layout(ISO + ".<ms> [<level>] <0.{n}.0>@<C>:{n} <M>", "shop_srv", "shop_sup"),
        ORDERS,
    ),
    "glog_cpp": (layout("<L>%m%d %H:%M:%S.%f {pid} <C>:{n}] <M>", "server.cc", "pool.cc"), APP),
    "plain_bars": (layout("<LEVEL> | %Y-%m-%d %H:%M:%S | <C> | <M>", "core", "net"), APP),
}
