"""Runs Zcomet's programs, measures and breaks them: the Python behind the commands of scripts/.

    programs, cluster, flood        start the programs, alone or as a cluster with streams
    ctl, stats, waiting             ask them, and wait until something is true
    streams, comparison             read comet streams, and compare what arrived with what was sent
    namespaces, processes           hosts made of network namespaces; what Linux says of processes
    suite, results, figures         commands made of several parts, and the pages written from them
    bench/, reliability/            the parts of scripts/bench and scripts/reliability
    demo, soak, netns_cluster, host_setup, plot_memory
                                    the other commands, a module for each

The tests use it as well. scripts/lib/setup.sh and test/meson.build put its folder into PYTHONPATH.
"""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
"""The project's folder."""
