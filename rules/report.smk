localrules:
    summarize,


rule summarize:
    """all fits → summary.ecsv"""
    input:
        **project.inputs("summarize"),
    output:
        **project.outputs("summarize"),
    log:
        project.log("summarize"),
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("summarize"),
        runtime=project.runtime("summarize"),
    params:
        job=project.job("summarize"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule plot_offsets:
    """sky list + matches → plots/hist2d_{image}.png"""
    input:
        **project.inputs("plot_offsets"),
    output:
        **project.outputs("plot_offsets"),
    log:
        project.log("plot_offsets"),
    wildcard_constraints:
        **project.constraints("plot_offsets"),
    group:
        "fit"
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("plot_offsets"),
        runtime=project.runtime("plot_offsets"),
    params:
        job=project.job("plot_offsets"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule plot_residuals:
    """fit + pairs → plots of the residuals"""
    input:
        **project.inputs("plot_residuals"),
    output:
        **project.outputs("plot_residuals"),
    log:
        project.log("plot_residuals"),
    wildcard_constraints:
        **project.constraints("plot_residuals"),
    group:
        "fit"
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("plot_residuals"),
        runtime=project.runtime("plot_residuals"),
    params:
        job=project.job("plot_residuals"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"
