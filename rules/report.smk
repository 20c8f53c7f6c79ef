localrules:
    plot_psf,
    summarize,
    write_report,


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


rule write_image_report:
    """quicklook, footprint, sources and pairs → report/{image}.html"""
    input:
        **project.inputs("write_image_report"),
    output:
        **project.outputs("write_image_report"),
    log:
        project.log("write_image_report"),
    wildcard_constraints:
        **project.constraints("write_image_report"),
    group:
        "fit"
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("write_image_report"),
        runtime=project.runtime("write_image_report"),
    params:
        job=project.job("write_image_report"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule write_report:
    """what the pages of images say → report.html"""
    input:
        **project.inputs("write_report"),
    output:
        **project.outputs("write_report"),
    log:
        project.log("write_report"),
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("write_report"),
        runtime=project.runtime("write_report"),
    params:
        job=project.job("write_report"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule plot_psf:
    """PSF, or catalog + exposure → plots/psf_{psf}.png"""
    input:
        **project.inputs("plot_psf"),
    output:
        **project.outputs("plot_psf"),
    log:
        project.log("plot_psf"),
    wildcard_constraints:
        **project.constraints("plot_psf"),
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("plot_psf"),
        runtime=project.runtime("plot_psf"),
    params:
        job=project.job("plot_psf"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"
