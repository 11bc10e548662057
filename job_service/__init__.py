"""The only package that an installed service adds to site-packages.

    job_service/__main__.py     the commands `job-service` and `job-service-storage`
    job_service/packages/…      server, runner, storage, admin, loganalysis, docs, and the kernel

A build puts the second line there. So no other program of the environment sees packages of these
common names: only the programs of the service, and the processes that they start.
"""
