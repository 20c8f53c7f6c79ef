from snakemake.utils import min_version

min_version("9.5")

from tweakreg_steps.planning.project import open_workflow

project = open_workflow(config, workflow)


workdir: project.outdir


wildcard_constraints:
    chip=r"\d+",


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
