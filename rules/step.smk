rule step:
    """what all other rules share: a step is called, and needs this software"""
    log:
        "logs/step.log",
    conda:
        "environment.yaml"
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"
