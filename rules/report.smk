localrules:
    compare_images,
    plot_psf,
    summarize,
    write_report,


use rule step as compare_images with:
    """all fits + sky lists → reference/comparison.ecsv"""
    input:
        **project.inputs("compare_images"),
    output:
        **project.outputs("compare_images"),
    log:
        project.log("compare_images"),
    resources:
        **project.resources("compare_images"),
    params:
        job=project.job("compare_images"),


use rule step as summarize with:
    """all fits + comparison → summary.ecsv, overlaps.ecsv"""
    input:
        **project.inputs("summarize"),
    output:
        **project.outputs("summarize"),
    log:
        project.log("summarize"),
    resources:
        **project.resources("summarize"),
    params:
        job=project.job("summarize"),


use rule step as plot_offsets with:
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
    resources:
        **project.resources("plot_offsets"),
    params:
        job=project.job("plot_offsets"),


use rule step as plot_residuals with:
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
    resources:
        **project.resources("plot_residuals"),
    params:
        job=project.job("plot_residuals"),


use rule step as write_image_report with:
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
    resources:
        **project.resources("write_image_report"),
    params:
        job=project.job("write_image_report"),


use rule step as write_report with:
    """what the pages of images say → report.html"""
    input:
        **project.inputs("write_report"),
    output:
        **project.outputs("write_report"),
    log:
        project.log("write_report"),
    resources:
        **project.resources("write_report"),
    params:
        job=project.job("write_report"),


use rule step as plot_psf with:
    """PSF, or catalog + exposure → plots/psf_{psf}.png"""
    input:
        **project.inputs("plot_psf"),
    output:
        **project.outputs("plot_psf"),
    log:
        project.log("plot_psf"),
    wildcard_constraints:
        **project.constraints("plot_psf"),
    resources:
        **project.resources("plot_psf"),
    params:
        job=project.job("plot_psf"),
