rule summarize:
    input:
        fits=expand("fits/{image}.json", image=project.names),
    output:
        summary="summary.ecsv",
    log:
        "logs/summarize.log",
    conda:
        "environment.yaml"
    params:
        job=project.job("summarize"),
    shell:
        "tweakreg-step {params.job:q} manifest=manifest.json summary={output.summary:q} 2> {log:q}"


rule plot_offsets:
    input:
        sky="sky/{image}.ecsv",
        plane="reference/wcs.fits",
        sources=project.reference_list,
        matches="matches/{image}.ecsv",
    output:
        plot="plots/hist2d_{image}.png",
    log:
        "logs/plot_offsets/{image}.log",
    wildcard_constraints:
        image=project.images_of("plot_offsets"),
    conda:
        "environment.yaml"
    params:
        job=project.job("plot_offsets"),
    shell:
        "tweakreg-step {params.job:q} sky={input.sky:q} plane={input.plane:q}"
        " sources={input.sources:q} matches={input.matches:q} plot={output.plot:q} 2> {log:q}"


rule plot_residuals:
    input:
        pairs="fits/{image}.ecsv",
        fit="fits/{image}.json",
    output:
        **project.residual_plots,
    log:
        "logs/plot_residuals/{image}.log",
    wildcard_constraints:
        image=project.images_of("plot_residuals"),
    conda:
        "environment.yaml"
    params:
        job=project.job("plot_residuals"),
        plots=lambda wildcards, output: [
            f"{key}={path}" for key, path in output.items()
        ],
    shell:
        "tweakreg-step {params.job:q} pairs={input.pairs:q} fit={input.fit:q}"
        " {params.plots:q} 2> {log:q}"
