"""Runs Zcomet's programs, measures and breaks them: the Python behind the commands of scripts/.

    programs, cluster, flood        start the programs, alone or as a cluster with streams
    ctl, stats, waiting             ask the programs, and wait until something is true
    streams, comparison             read comet streams, and compare what arrived with what was sent
    namespaces, processes           hosts made of network namespaces; Linux's figures on processes
    suite, results, figures         commands made of several parts, and the pages written from them
    bench/, reliability/            the parts of scripts/bench and scripts/reliability
    demo, soak, netns_cluster, host_setup, plot_memory
                                    the other commands, a module for each

The tests use this package, too. scripts/lib/setup.sh and test/meson.build set PYTHONPATH to it.
"""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
"""The project's folder."""
