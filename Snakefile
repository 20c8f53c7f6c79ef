from snakemake.utils import min_version

min_version("9.14")

from tweakreg_steps.running.node_run import run_on_node
from tweakreg_steps.workflow.snakefile import open_workflow

project = open_workflow(config, workflow)
# on a node of a cluster that is all
run_on_node(project, workflow)


workdir: project.workdir


onsuccess:
    project.end()


include: "rules/step.smk"
include: "rules/images.smk"
include: "rules/sources.smk"
include: "rules/reference.smk"
include: "rules/alignment.smk"
include: "rules/products.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        project.targets,
    localrule: True
